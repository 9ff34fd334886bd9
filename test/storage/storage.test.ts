/*
 * An object storage that a server of the suite is, behind a proxy that does harm, used by hosts that are killed. What a host
 * has said to be everybody's must be there, whole and the same for all; what was not brought to its end must look like nothing.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { findAnywhere, holdFiles } from '../../activities/shared.ts';
import type { Manifest } from '../../schemas/types/manifest.ts';
import { verifyArtifact } from '../../store/artifact.ts';
import { attemptFolder } from '../../store/home.ts';
import { awayFiles, inspectAttempt, manifestOf } from '../../store/inspect.ts';
import { manifestPath } from '../../store/lease.ts';
import { fileName, parseManifestName } from '../../store/remote/names.ts';
import { openStorage, type Storage } from '../../store/remote/storage.ts';
import { nodeNamed, startScript } from '../store/support.ts';
import { digestAt } from './attempts.ts';
import { type FaultyProxy, faultKinds, faultyProxy } from './faults.ts';
import { credentials, type StorageServer, storageServer } from './server.ts';

const seed = Number(process.env.DESCENT_STORAGE_SEED ?? 1);
const kills = Number(process.env.DESCENT_STORAGE_KILLS ?? 100);
const nodes = Array.from({ length: 24 }, (_, nth) => nth);

let server: StorageServer;
let proxy: FaultyProxy;
let folder: string;
/** What the names of the round begin with. */
let prefix = 'team/round-1';

before(async () => {
  Object.assign(process.env, credentials);
  server = await storageServer();
  proxy = await faultyProxy(server.port, seed, 0.15);
  folder = mkdtempSync(join(tmpdir(), 'descent-storage-'));
});

after(async () => {
  await proxy?.close();
  await server?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

test('hosts that are killed, behind a storage that fails, lose nothing and show nothing half', async (t) => {
  const random = xoroshiro128plus(seed);
  const below = (limit: number): number => uniformInt(random, 0, limit - 1);
  let [killed, rounds] = [0, 0];
  const runHost = async (host: string, ledger: string): Promise<void> => {
    const home = join(folder, `${host}-${rounds}`);
    // Each its own way through the nodes, so that they meet at some and are alone at others.
    const order = host === 'a' ? nodes : [...nodes].reverse();
    const asked = { ...faulty(), home, host, nodes: order, ledger };
    for (;;) {
      const script = startScript(t, new URL('./scripts/host.js', import.meta.url), [JSON.stringify(asked)]);
      assert.equal(await script.nextLine(), 'ready');
      const ended = await Promise.race([script.closed, sleep(below(1200)).then(() => undefined)]);
      if (ended !== undefined) {
        assert.equal(ended.code, 0, ended.errors);
        return;
      }
      script.kill('SIGKILL');
      killed += 1;
      await script.closed;
      wholeInStorage();
    }
  };
  while (killed < kills) {
    rounds += 1;
    prefix = `team/round-${rounds}`;
    const ledger = join(folder, `ledger-${rounds}.jsonl`);
    await Promise.all([runHost('a', ledger), runHost('b', ledger)]);
    const standing = wholeInStorage();
    assert.deepEqual([...standing.keys()].sort(), nodes.map((nth) => nodeNamed(`node-${nth}`).key).sort());
    const said = readFileSync(ledger, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Said);
    assert.equal(new Set(said.map(({ host, nth }) => `${host} ${nth}`)).size, 2 * nodes.length);
    for (const { key, weights, host } of said) {
      const file = standing.get(key)?.files.find(({ path }) => path === 'model/model.safetensors');
      assert.equal(weights, file?.sha256, `what ${host} said of ${key} is what all have`);
    }
    for (const host of ['a', 'b']) {
      const home = join(folder, `${host}-${rounds}`);
      for (const key of standing.keys())
        assert.equal(
          readFileSync(manifestPath(attemptFolder(home, key, 1)), 'utf8'),
          readFileSync(objectAt(`manifests/${key}/1.json`), 'utf8'),
        );
      rmSync(home, { recursive: true });
    }
    await nothingUnfinished(standing);
  }
  t.diagnostic(
    `seed ${seed}: ${rounds} rounds, ${killed} kills, ${proxy.requests()} requests, faults ${JSON.stringify(proxy.counts)}`,
  );
  for (const kind of faultKinds.filter((kind) => kind !== 'changed-answer')) assert.ok(proxy.counts[kind] > 0, kind);
});

test('a host that is new gets all of it, whatever comes changed or cut short, and again what went from its cache', async (t) => {
  const home = join(folder, 'c');
  const limit = 45e6;
  const storage = await openStorage({ ...faulty(), cache: limit });
  t.after(() => storage.bucket.close());
  for (let round = 1; round <= 2; round += 1)
    for (const nth of nodes) {
      const release = await patiently(() => hold(home, storage, nth));
      const artifact = (await patiently(() => find(home, storage, nth))) as NonNullable<
        Awaited<ReturnType<typeof find>>
      >;
      assert.deepEqual(awayFiles(artifact), []);
      assert.deepEqual(await verifyArtifact(artifact), { ok: true });
      await release();
    }
  t.diagnostic(`faults ${JSON.stringify(proxy.counts)}`);
  assert.ok(proxy.counts['changed-answer'] > 0 && proxy.counts['cut-answer'] > 0);
  const here = nodes.reduce((sum, nth) => sum + bulkHere(home, nodeNamed(`node-${nth}`).key), 0);
  assert.ok(here <= limit && here > 0, `${here} bytes are kept`);
});

test('a server that is killed in between is waited for', async (t) => {
  const home = join(folder, 'd');
  const storage = await openStorage(faulty());
  t.after(() => storage.bucket.close());
  const restarts = (async () => {
    for (let times = 0; times < 3; times += 1) {
      await sleep(700);
      await server.restart();
    }
  })();
  for (const nth of nodes) await (await patiently(() => hold(home, storage, nth)))();
  await restarts;
  wholeInStorage();
});

test('an object that is damaged where it lies is refused, and named', async (t) => {
  const storage = await openStorage({ endpoint: server.endpoint, bucket: server.bucket, prefix });
  t.after(() => storage.bucket.close());
  const { key } = nodeNamed('node-0');
  const manifest = JSON.parse(readFileSync(objectAt(`manifests/${key}/1.json`), 'utf8')) as Manifest;
  const file = manifest.files.find(({ path }) => path === 'model/model.safetensors') as Manifest['files'][number];
  const path = objectAt(fileName(manifest, file));
  const bytes = readFileSync(path);
  bytes[1000] = (bytes[1000] as number) ^ 1;
  writeFileSync(path, bytes);
  const home = join(folder, 'e');
  await assert.rejects(hold(home, storage, 0), {
    name: 'StorageError',
    kind: 'bad-download',
    message: new RegExp(
      `s3://lineages/${prefix}/files/${key}/1/${file.sha256}, which is model/model.safetensors, has another digest`,
    ),
  });
  assert.equal(existsSync(join(attemptFolder(home, key, 1), file.path)), false);
});

test('whoever may not, or asks in the wrong place, is told so at once', async () => {
  const ask = async (settings: Partial<Parameters<typeof openStorage>[0]>, env: NodeJS.ProcessEnv = {}) => {
    Object.assign(process.env, credentials, env);
    const storage = await openStorage({ endpoint: server.endpoint, bucket: server.bucket, ...settings });
    try {
      return await storage.lately();
    } finally {
      storage.bucket.close();
      Object.assign(process.env, credentials);
    }
  };
  await assert.rejects(ask({ bucket: 'no-such-bucket' }), { kind: 'no-access', message: /there is no such bucket/ });
  for (const wrong of [{ AWS_ACCESS_KEY_ID: 'AKIANOBODY' }, { AWS_SECRET_ACCESS_KEY: 'another-secret' }]) {
    await assert.rejects(ask({}, wrong), (error: Error & { kind: string }) => {
      assert.equal(error.kind, 'no-access');
      assert.match(error.message, /key/);
      assert.doesNotMatch(
        JSON.stringify([error.message, error.stack, error.cause, { ...error }]),
        /AKIANOBODY|another-secret|Signature=/,
      );
      return true;
    });
  }
  await assert.rejects(ask({ endpoint: 'http://127.0.0.1:9' }), { kind: 'no-network', message: /ECONNREFUSED/ });
});

interface Said {
  host: string;
  nth: number;
  key: string;
  weights: string;
}

function faulty() {
  return { endpoint: proxy.endpoint, bucket: server.bucket, prefix };
}

function objectAt(name: string): string {
  return join(server.objects, prefix, name);
}

/** Every manifest that stands, with what it names looked at on the server's own disk: all there, all of it right. */
function wholeInStorage(): Map<string, Manifest> {
  const found = new Map<string, Manifest>();
  const place = objectAt('manifests');
  for (const key of existsSync(place) ? readdirSync(place) : [])
    for (const name of readdirSync(join(place, key))) {
      const of = parseManifestName(`manifests/${key}/${name}`);
      if (of === undefined) continue;
      const manifest = manifestOf(readFileSync(join(place, key, name), 'utf8'), { key, number: of.attempt });
      for (const file of manifest.files)
        assert.equal(digestAt(objectAt(fileName(manifest, file))), file.sha256, file.path);
      found.set(key, manifest);
    }
  return found;
}

/** Nothing lies in the bucket that no manifest speaks of: neither files of whoever was second, nor uploads in part. */
async function nothingUnfinished(standing: Map<string, Manifest>): Promise<void> {
  for (const [key, manifest] of standing) {
    const wanted = new Set(manifest.files.map((file) => file.sha256));
    assert.deepEqual(readdirSync(objectAt(`files/${key}/1`)).sort(), [...wanted].sort());
  }
  const client = new S3Client({ endpoint: server.endpoint, region: 'us-east-1', forcePathStyle: true });
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: server.bucket }));
  client.destroy();
  assert.deepEqual(
    Uploads.map(({ Key }) => Key),
    [],
  );
}

async function find(home: string, storage: Storage, nth: number) {
  return findAnywhere({ home, storage, signal: new AbortController().signal }, nodeNamed(`node-${nth}`));
}

/** Has all of a node in a home, until what it gives is called. */
async function hold(home: string, storage: Storage, nth: number): Promise<() => Promise<void>> {
  const artifact = await find(home, storage, nth);
  if (artifact === undefined) throw new Error(`nobody has node-${nth}`);
  const claiming = { staleSeconds: 30, onWait: () => undefined };
  return holdFiles({ home, storage, signal: new AbortController().signal }, artifact, claiming);
}

/** Tries again what the storage failed at, as the workflows do. */
async function patiently<T>(act: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await act();
    } catch (error) {
      if ((error as Error).name !== 'StorageError' || tries === 20) throw error;
      await sleep(200);
    }
  }
}

function bulkHere(home: string, key: string): number {
  const found = inspectAttempt(home, key, 1);
  if (found.state !== 'whole') return 0;
  const away = new Set(awayFiles(found.artifact).map(({ path }) => path));
  return found.artifact.files
    .filter(({ path, bytes }) => path.startsWith('model/') && bytes > 16 * 1024 && !away.has(path))
    .reduce((sum, { bytes }) => sum + bytes, 0);
}
