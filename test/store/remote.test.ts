// Artifacts in object storage: what becomes of them when hosts are killed, hear nothing, or are second.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { findAnywhere, holdFiles, share } from '../../activities/shared.ts';
import { beginUse, isUsed } from '../../activities/uses.ts';
import { exchange } from '../../cli/exchange.ts';
import type { PlanNode } from '../../planner/plan.ts';
import { findArtifact, inspectNode, publish, verifyArtifact } from '../../store/artifact.ts';
import { beginAttempt } from '../../store/attempt.ts';
import { keyFolder } from '../../store/home.ts';
import { type Artifact, awayFiles, manifestOf } from '../../store/inspect.ts';
import { pinKey } from '../../store/pins.ts';
import { type Bucket, partBytes } from '../../store/remote/bucket.ts';
import { trimCache } from '../../store/remote/cache.ts';
import { StorageError, storageError } from '../../store/remote/errors.ts';
import { listShared } from '../../store/remote/index.ts';
import { fileName, parseManifestName } from '../../store/remote/names.ts';
import type { Storage } from '../../store/remote/storage.ts';
import { Killed, type MemoryStorage, memoryStorage, troubleAt } from './memory-bucket.ts';
import { leaveFiles, nodeNamed, publication, temporaryHome } from './support.ts';

const node = nodeNamed('base');

test('whatever is killed or unheard, a manifest that stands is of one host and whole, and in the end all have it', async () => {
  const step = fc.record({
    host: fc.constantFrom('a', 'b', 'c'),
    at: fc.integer({ min: 1, max: 30 }),
    what: fc.constantFrom('killed' as const, 'unheard' as const),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { maxLength: 4 }), async (rounds) => {
      const root = await mkdtemp(join(tmpdir(), 'descent-remote-'));
      try {
        const storage = memoryStorage();
        const homeOf = (host: string) => join(root, host);
        const tryOnce = async (host: string, bucket: Bucket): Promise<void> => {
          try {
            await bringTo(homeOf(host), opened(bucket), host);
          } catch (error) {
            if (!(error instanceof Killed) && (error as Error).name !== 'StorageError') throw error;
          }
        };
        for (const round of rounds) {
          // One process a home, as its claim has it; several homes at once.
          const hosts = [...new Map(round.map((one) => [one.host, one])).values()];
          await Promise.all(hosts.map(({ host, at, what }) => tryOnce(host, storage.bucket(troubleAt(at, what)))));
          wholeIn(storage);
        }
        const made: Artifact[] = [];
        for (const host of ['a', 'b', 'c']) {
          const artifact = await bringTo(homeOf(host), opened(storage.bucket()), host);
          await held(homeOf(host), opened(storage.bucket()), artifact);
          assert.deepEqual(await verifyArtifact(artifact), { ok: true });
          made.push(artifact);
        }
        assert.equal(new Set(made.map(({ files }) => JSON.stringify(files))).size, 1, 'the same for all');
        const [manifest] = wholeIn(storage);
        const wanted = manifest?.files.map((file) => fileName(manifest, file)) ?? [];
        assert.deepEqual(
          [...storage.objects.keys()].filter((name) => name.startsWith('files/')).sort(),
          [...new Set(wanted)].sort(),
          'and nothing of whoever was second stays',
        );
      } finally {
        rmSync(root, { recursive: true, force: true });
      }
    }),
    { numRuns: 12 },
  );
});

test('only the record comes; the weights when somebody holds them, and a changed object never', async (t) => {
  const [one, two] = [await temporaryHome(t), await temporaryHome(t)];
  const storage = memoryStorage();
  const made = await bringTo(one, opened(storage.bucket()), 'one');
  assert.equal((await listShared(storage.bucket())).state(node.key).state, 'done');
  const brought = (await find(two, storage)) as Artifact;
  assert.deepEqual(
    awayFiles(brought).map(({ path }) => path),
    ['model/model.safetensors'],
  );
  assert.deepEqual(inspectNode(two, node.key), inspectNode(one, node.key));
  assert.deepEqual(await verifyArtifact(brought), { ok: true }, 'what is away is not damaged');

  const weights = made.files.find(({ path }) => path === 'model/model.safetensors') as Artifact['files'][number];
  const name = fileName(made, weights);
  const whole = storage.objects.get(name) as Buffer;
  const changed = Buffer.from(whole);
  changed[500] = (changed[500] as number) ^ 1;
  storage.objects.set(name, changed);
  const refused = { kind: 'bad-download', message: new RegExp(`s3://memory/${name}.* has another digest`) };
  await assert.rejects(held(two, opened(storage.bucket()), brought), refused);
  assert.deepEqual(awayFiles(brought).length, 1, 'nothing of it is in its place');
  storage.objects.delete(name);
  await assert.rejects(held(two, opened(storage.bucket()), brought), { kind: 'bad-download', message: /is gone/ });
  storage.objects.set(name, whole);
  await held(two, opened(storage.bucket()), brought);
  assert.deepEqual(awayFiles(brought), []);
});

test('what is damaged or unfinished here is replaced by what the storage has, by who has the node’s claim only', async (t) => {
  const [one, two] = [await temporaryHome(t), await temporaryHome(t)];
  const storage = memoryStorage();
  await bringTo(one, opened(storage.bucket()), 'one');
  await beginAttempt(two, node);
  assert.equal(await find(two, storage), undefined);
  assert.equal((await find(two, storage, true))?.attempt, 1);
  const here = (await findArtifact(one, node.key)) as Artifact;
  writeFileSync(join(here.folder, 'model', 'config.json'), '{}');
  assert.equal(inspectNode(one, node.key).state, 'damaged');
  assert.equal(await find(one, storage), undefined);
  await find(one, storage, true);
  assert.equal(inspectNode(one, node.key).state, 'done');
});

test('the cache lets go of what was used longest ago, and never of what is used, pinned, or nowhere else', async (t) => {
  const home = await temporaryHome(t);
  const storage = opened(memoryStorage().bucket(), 100_000);
  const nodes = ['first', 'second', 'third', 'fourth'].map(nodeNamed);
  const alone = await make(home, nodeNamed('alone'), 'here');
  const made: Artifact[] = [];
  for (const one of nodes.slice(0, 3)) made.push(await share(moving(home, storage), await make(home, one, 'here')));
  const away = () => made.map((artifact) => awayFiles(artifact).length);
  assert.deepEqual(away(), [1, 0, 0], 'each has 50,000 bytes');

  const release = await holdFiles(moving(home, storage), made[0] as Artifact, claiming);
  assert.ok(isUsed(keyFolder(home, (made[0] as Artifact).key)));
  assert.deepEqual(away(), [0, 1, 0]);
  await pinKey(home, (made[2] as Artifact).key, 'third', 'a demo');
  made.push(await share(moving(home, storage), await make(home, nodes[3] as typeof node, 'here')));
  assert.deepEqual(away(), [0, 1, 0, 1], 'the one is used, the other pinned');
  await release();
  assert.equal(isUsed(keyFolder(home, (made[0] as Artifact).key)), false);
  await held(home, storage, made[1] as Artifact);
  assert.deepEqual(away(), [1, 0, 0, 1]);
  assert.deepEqual(awayFiles(alone), [], 'what is nowhere else does not count');
});

test('a file that the cache lets go of while it is verified is away, and not damaged', async (t) => {
  const home = await temporaryHome(t);
  const storage = opened(memoryStorage().bucket());
  const made = await share(moving(home, storage), await make(home, node, 'here'));
  const path = join(made.folder, 'model', 'model.safetensors');
  // The files before it are read first.
  assert.deepEqual(await verifyArtifact(made, () => rmSync(path, { force: true })), { ok: true });
  assert.deepEqual(
    awayFiles(made).map((file) => file.path),
    ['model/model.safetensors'],
  );
  assert.equal(inspectNode(home, node.key).state, 'done');
});

test('the cache counts, and lets go of, what came of a fetch that was ended', async (t) => {
  const [one, two] = [await temporaryHome(t), await temporaryHome(t)];
  const storage = memoryStorage();
  await bringTo(one, opened(storage.bucket()), 'one');
  const brought = (await find(two, storage)) as Artifact;
  const partial = join(brought.folder, 'model', 'model.safetensors.incoming.tmp');
  let pieces = 0;
  const killed = storage.bucket(() => {
    pieces += 1;
    if (pieces > 4) throw new Killed();
  });
  await assert.rejects(held(two, opened(killed), brought), Killed);
  assert.ok(statSync(partial).size > 0);
  await trimCache(two, 's3://memory', 1000, isUsed);
  assert.equal(existsSync(partial), false);
});

test('two hosts that put the same file there at once do not give up each other’s upload', async (t) => {
  const [one, two] = [await temporaryHome(t), await temporaryHome(t)];
  const storage = memoryStorage();
  const given: string[] = [];
  const watched = (): Bucket => {
    const bucket = storage.bucket();
    return {
      ...bucket,
      abortUploads: async (prefix) => {
        if (manifestsIn(storage).length === 0) given.push(prefix);
      },
    };
  };
  const large = Buffer.alloc(partBytes + 1);
  for (const home of [one, two]) await make(home, node, large);
  await Promise.all(
    [one, two].map(async (home) =>
      share(moving(home, opened(watched())), (await findArtifact(home, node.key)) as Artifact),
    ),
  );
  assert.deepEqual(given, [], 'before a manifest stands');
  assert.equal(manifestsIn(storage).length, 1);
});

test('who was second while a file of it went up takes what stands, and does not fail', async (t) => {
  const [one, two] = [await temporaryHome(t), await temporaryHome(t)];
  const storage = memoryStorage();
  const [first, second] = [await make(one, node, 'one'), await make(two, node, 'two')];
  const bucket = storage.bucket();
  const overtaken: Bucket = {
    ...bucket,
    // As of an upload that whoever was first has given up.
    putFile: async () => {
      await share(moving(one, opened(bucket)), first);
      throw new StorageError('no-network', 's3://memory: NoSuchUpload');
    },
  };
  const counts = await share(moving(two, opened(overtaken)), second);
  assert.deepEqual(counts.files, first.files);
});

test('homes that had both made a node before there was a storage have the same of it after an exchange', async (t) => {
  const homes = [await temporaryHome(t), await temporaryHome(t)] as const;
  const storage = memoryStorage();
  const planned = { key: node.key } as PlanNode;
  for (const [at, home] of homes.entries()) await make(home, node, `host ${at}`);
  const release = beginUse(keyFolder(homes[1], node.key));
  const digest = async (home: string) => (await findArtifact(home, node.key))?.files.at(-1)?.sha256;
  const before = await digest(homes[1]);
  for (const home of homes) await exchange(home, opened(storage.bucket()), [planned]);
  assert.equal(await digest(homes[1]), before, 'what is used stays');
  release();
  await exchange(homes[1], opened(storage.bucket()), [planned]);
  assert.notEqual(await digest(homes[1]), before);
  assert.equal(await digest(homes[1]), await digest(homes[0]));
  assert.equal((await findArtifact(homes[1], node.key))?.folder.includes('attempt-1'), true);
});

test('an exchange sends nodes with large files one after the other: parts of each are in memory', async (t) => {
  const home = await temporaryHome(t);
  const bucket = memoryStorage().bucket();
  let [now, most] = [0, 0];
  const counting: Bucket = {
    ...bucket,
    putFile: async (name, file, signal) => {
      if (file.bytes <= partBytes) return await bucket.putFile(name, file, signal);
      now += 1;
      most = Math.max(most, now);
      await bucket.putFile(name, file, signal);
      now -= 1;
    },
  };
  const nodes = ['first', 'second'].map(nodeNamed);
  for (const one of nodes) await make(home, one, Buffer.alloc(partBytes + 1));
  await exchange(
    home,
    opened(counting),
    nodes.map(({ key }) => ({ key }) as PlanNode),
  );
  assert.equal(most, 1);
});

test('what a file has become that was published is not sent', async (t) => {
  const home = await temporaryHome(t);
  const storage = memoryStorage();
  const made = await make(home, node, 'here');
  const path = join(made.folder, 'model', 'model.safetensors');
  const bytes = readFileSync(path);
  bytes[500] = (bytes[500] as number) ^ 1;
  writeFileSync(path, bytes);
  await assert.rejects(share(moving(home, opened(storage.bucket())), made), { name: 'StoreError', message: /changed/ });
  assert.deepEqual([...(await manifestsIn(storage))], []);
});

test('errors are told by their names, and by nothing that a request was signed with', () => {
  const told = (error: object) => {
    const { kind, message } = storageError(
      Object.assign(new Error('Signature=abc AKIAME'), error),
      's3://b',
      'reading x',
    );
    assert.doesNotMatch(message, /abc|AKIAME/);
    return kind;
  };
  const status = (httpStatusCode: number) => ({ $metadata: { httpStatusCode } });
  assert.equal(told({ name: 'AccessDenied', ...status(403) }), 'no-access');
  assert.equal(told({ name: 'CredentialsProviderError' }), 'no-access');
  assert.equal(told({ name: 'Whatever', ...status(400) }), 'no-access');
  assert.equal(told({ name: 'BadDigest', ...status(400) }), 'no-network');
  assert.equal(told({ name: 'SlowDown', ...status(503) }), 'no-network');
  assert.equal(told({ name: 'TooManyRequests', ...status(429) }), 'no-network');
  assert.equal(told({ name: 'Error', code: 'ECONNRESET' }), 'no-network');
});

const claiming = { staleSeconds: 30, onWait: () => undefined };

function opened(bucket: Bucket, cache?: number): Storage {
  return { bucket, cache, lately: () => listShared(bucket) };
}

function moving(home: string, storage: Storage) {
  return { home, storage, signal: new AbortController().signal };
}

function find(home: string, storage: MemoryStorage, replace = false) {
  return findAnywhere(moving(home, opened(storage.bucket())), node, replace);
}

/** Has all of an artifact in a home, once. */
async function held(home: string, storage: Storage, artifact: Artifact): Promise<void> {
  await (await holdFiles(moving(home, storage), artifact, claiming))();
}

/** As an execution does it under its claim. */
async function bringTo(home: string, storage: Storage, host: string): Promise<Artifact> {
  const found = await findAnywhere(moving(home, storage), node, true);
  return share(moving(home, storage), found ?? (await make(home, node, host)));
}

/** Publishes an artifact in a home, with weights of the host's own, or these. */
async function make(home: string, one: typeof node, weights: string | Buffer): Promise<Artifact> {
  const begun = await beginAttempt(home, one);
  if (begun.state === 'published') return begun.artifact;
  await leaveFiles(begun.attempt, typeof weights === 'string' ? Buffer.alloc(50_000, weights) : weights);
  const manifest = await publish(begun.attempt, publication(begun.attempt, one.preimage));
  return { ...manifest, folder: begun.attempt.folder };
}

function manifestsIn({ objects }: MemoryStorage): string[] {
  return [...objects.keys()].filter((name) => parseManifestName(name) !== undefined);
}

/** The manifests that stand, all of whose files are there and right. */
function wholeIn(storage: MemoryStorage) {
  return manifestsIn(storage).map((name) => {
    const manifest = manifestOf(String(storage.objects.get(name)), { key: node.key, number: 1 });
    for (const file of manifest.files) {
      const bytes = storage.objects.get(fileName(manifest, file));
      assert.equal(bytes?.length, file.bytes, `${file.path} is there`);
    }
    return manifest;
  });
}
