// What `descent doctor` says of what lies beside this machine: a storage, clusters, engines that may be installed.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { cacheFolder } from '#setup/places.mjs';
import { checkEngines, checkLaunchers, checkStorage } from '../../cli/reach.ts';
import { inspectEnvironment } from '../../engines/environment.ts';
import { temporaryFolder } from './support.ts';

/** A storage of objects in memory. `heeds`: whether it keeps what it is told to. */
async function storage(
  t: TestContext,
  { heeds }: { heeds: boolean },
): Promise<{ endpoint: string; names(): string[] }> {
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'AKIASUITE', AWS_SECRET_ACCESS_KEY: 'a-secret-of-the-suite' });
  const objects = new Map<string, Buffer>();
  const server: Server = createServer(async (request, response) => {
    const name = new URL(request.url ?? '', 'http://storage').pathname;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const found = objects.get(name);
    const refuse = (code: string, status: number) =>
      response.writeHead(status).end(`<?xml version="1.0"?><Error><Code>${code}</Code></Error>`);
    if (request.method === 'PUT') {
      if (heeds && found !== undefined && request.headers['if-none-match']) return refuse('PreconditionFailed', 412);
      objects.set(name, Buffer.concat(chunks));
      return response.end();
    }
    if (request.method === 'DELETE') {
      objects.delete(name);
      return response.writeHead(204).end();
    }
    return found === undefined ? refuse('NoSuchKey', 404) : response.end(found);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { endpoint: `http://127.0.0.1:${port}`, names: () => [...objects.keys()] };
}

test('a storage is written to, read, and left as it was', async (t) => {
  assert.deepEqual(await checkStorage({}), []);
  const { endpoint, names } = await storage(t, { heeds: true });
  const [check] = await checkStorage({ storage: { bucket: 'lineages', prefix: 'team', endpoint } });
  assert.equal(check?.status, 'ok', check?.found);
  assert.match(check?.found ?? '', /^s3:\/\/lineages\/team, an object put, read and removed in [\d.]+ s$/);
  assert.deepEqual(names(), []);
});

test('a storage that hosts cannot agree by is missing, and so is one that is not there', async (t) => {
  const { endpoint, names } = await storage(t, { heeds: false });
  const [careless] = await checkStorage({ storage: { bucket: 'lineages', endpoint } });
  assert.equal(careless?.status, 'missing');
  assert.match(careless?.found ?? '', /replaces an object that it is told to keep$/);
  assert.match(careless?.remedy ?? '', /conditional writes/);
  assert.deepEqual(names(), []);

  const [away] = await checkStorage({ storage: { bucket: 'lineages', endpoint: 'http://127.0.0.1:9' } });
  assert.equal(away?.status, 'missing');
  assert.match(
    away?.found ?? '',
    /^s3:\/\/lineages at http:\/\/127.0.0.1:9, putting doctor\/\S+: it could not be reached/,
  );
  assert.match(away?.remedy ?? '', /`storage` in temporal.config/);
});

/** Puts programs first on PATH, or alone there. */
async function programs(t: TestContext, scripts: Record<string, string>, alone = false): Promise<void> {
  const folder = await temporaryFolder(t);
  for (const [name, script] of Object.entries(scripts))
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const { PATH: path } = process.env;
  process.env.PATH = alone ? folder : `${folder}${delimiter}${path}`;
  t.after(() => {
    process.env.PATH = path;
  });
}

const slurm = { slots: 4, threads: 2, launcher: { slurm: { partition: 'a100' } } };
const devices = { cpu: { slots: 1, threads: 1 }, gpu: slurm };

test('Slurm is asked whether it would take a job of the class, and is handed none', async (t) => {
  const folder = await temporaryFolder(t);
  const asked = join(folder, 'asked');
  await programs(t, { sbatch: `echo "$@" > '${asked}'`, squeue: '', scontrol: '', scancel: '' });
  assert.deepEqual(await checkLaunchers({ devices }), [
    { name: 'Slurm (gpu)', status: 'ok', found: 'it answers, and would take a job of the class' },
  ]);
  assert.match(readFileSync(asked, 'utf8'), /^--test-only .*--partition=a100 --gpus=1$/m);

  const refusal = 'echo "allocation failure: Invalid account" >&2; exit 1';
  await programs(t, { sbatch: refusal });
  const [refused] = await checkLaunchers({ devices });
  assert.equal(refused?.status, 'missing');
  assert.equal(refused?.found, 'Slurm does not take its job: allocation failure: Invalid account');
  assert.match(refused?.remedy ?? '', /correct `launcher` of its class in temporal.config/);

  await programs(t, { sbatch: '', squeue: '' }, true);
  const [lacking] = await checkLaunchers({ devices });
  assert.equal(lacking?.found, "there is no scontrol, no scancel on this machine's PATH");
});

test('Kubernetes is asked whether it would take a job of the class, and is handed none', async (t) => {
  const kubernetes = { image: 'descent', claim: 'lineages', mountPath: '/work' };
  const devices = { gpu: { slots: 4, threads: 2, launcher: { kubernetes } } };
  await programs(t, {
    kubectl: 'case "$*" in *--dry-run=server*) exit 0;; *get*) echo "{\\"items\\":[]}"; exit 0;; esac; exit 1',
  });
  assert.equal((await checkLaunchers({ devices }))[0]?.status, 'ok');

  await programs(t, { kubectl: 'echo "The connection to the server k8s:6443 was refused" >&2; exit 1' });
  const [away] = await checkLaunchers({ devices });
  assert.equal(away?.status, 'missing');
  assert.match(away?.found ?? '', /^Kubernetes does not answer: The connection to the server k8s:6443 was refused$/);
  assert.match(away?.remedy ?? '', /see that the cluster is up/);

  await programs(t, {}, true);
  assert.match((await checkLaunchers({ devices }))[0]?.found ?? '', /there is no `kubectl` on this machine/);
});

test('of each engine it is said whether it is installed, and what would install it', async (t) => {
  const { XDG_CACHE_HOME: cache } = process.env;
  process.env.XDG_CACHE_HOME = await temporaryFolder(t);
  t.after(() => {
    if (cache === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = cache;
  });
  const of = async (engine: string) => (await checkEngines()).find(({ name }) => name === `Engine ${engine}`);
  await programs(t, { python3: 'echo Python 3.13.1' }, true);
  assert.match((await of('trl'))?.found ?? '', /^not installed; \/.*\/python3 does it when a lineage first needs it$/);
  // Its lock ends with Python 3.12.
  const verl = await of('verl');
  assert.equal(verl?.status, 'warning');
  assert.match(verl?.remedy ?? '', /install uv, or Python 3.11 to 3.12 as python3$/);

  await programs(t, { uv: '' }, true);
  assert.match((await of('verl'))?.found ?? '', /\/uv does it/);

  const { folder: none, lock } = await inspectEnvironment('trl');
  assert.equal(none, null);
  const folder = join(cacheFolder(), 'engines', `trl-${lock}.0`);
  mkdirSync(join(folder, 'bin'), { recursive: true });
  writeFileSync(join(folder, 'bin', 'python'), '');
  writeFileSync(join(folder, 'descent-ready'), '');
  const found = await of('trl');
  assert.deepEqual(found, { name: 'Engine trl', status: 'ok', found: `lock ${lock} at ${folder}` });
});
