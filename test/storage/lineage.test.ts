/* Whole lineages on hosts that have an object storage in common, and homes of their own. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { runQuery } from '../../results/query.ts';
import { newestWhole } from '../../store/artifact.ts';
import { keyFolder, keysBeginning } from '../../store/home.ts';
import { type Artifact, awayFiles } from '../../store/inspect.ts';
import { readClaims } from '../../store/lease.ts';
import { descent, type Outcome, temporaryFolder } from '../cli/support.ts';
import { type TestHome, testHome } from '../fixtures/home.ts';
import { machineNamed } from '../fixtures/machine.ts';
import { type TestServer, testServer } from '../fixtures/server.ts';
import { pairLineage } from '../lineage/support.ts';
import { type FaultyProxy, faultyProxy } from './faults.ts';
import { credentials, type StorageServer, storageServer } from './server.ts';

let server: StorageServer;
let proxy: FaultyProxy;
let temporal: TestServer;

before(async () => {
  server = await storageServer();
  proxy = await faultyProxy(server.port, 7, 0.1);
  temporal = await testServer();
});

after(async () => {
  await temporal?.stop();
  await proxy?.close();
  await server?.stop();
});

test('what one host made, another plans to reuse, trains none of, and has all results of', async (t) => {
  const [one, two] = [await host(t, 'first'), await host(t, 'first', { cache: 1000 })];
  const made = await one.run('run', 'lineage.yaml', '--plain');
  assert.equal(made.exitCode, 0, made.stderr + made.stdout);

  const planned = await two.run('plan', 'lineage.yaml', '--json', '--detailed-exitcode');
  assert.equal(planned.exitCode, 0, planned.stderr);
  const { nodes } = JSON.parse(planned.stdout) as { nodes: { verdict: string }[] };
  assert.deepEqual([...new Set(nodes.map(({ verdict }) => verdict))], ['reuse']);
  assert.deepEqual(keysBeginning(join(two.folder, '.descent'), ''), [], 'planning brings nothing');

  const reused = await two.run('run', 'lineage.yaml', '--plain');
  assert.equal(reused.exitCode, 0, reused.stderr);
  for (const table of ['attempts', 'metrics', 'evaluations', 'facts'])
    assert.deepEqual(await rowsOf(two.folder, table), await rowsOf(one.folder, table), table);
  assert.ok((await rowsOf(two.folder, 'metrics')).length > 0);
  const verified = await two.run('verify');
  assert.equal(verified.exitCode, 0, verified.stdout);

  // A stage more: trained here, from parents whose weights were not here yet, and went again afterwards.
  two.write(pairLineage.replace('axes:', '  more: {cpt: {from: tuned, tokens: 8K, mix: {web: 1}}}\naxes:'));
  const more = await two.run('run', 'lineage.yaml', '--plain');
  assert.equal(more.exitCode, 0, more.stderr + more.stdout);
  const trained = executedOn(two.folder);
  assert.deepEqual(trained, ['more@lr=1e-3', 'more@lr=3e-3']);
  const tuned = keysBeginning(join(two.folder, '.descent'), '')
    .map((key) => newestWhole(join(two.folder, '.descent'), key))
    .filter((artifact) => artifact?.address.startsWith('tuned@') && artifact.model !== null) as Artifact[];
  assert.deepEqual(
    tuned.map((artifact) => awayFiles(artifact).map(({ path }) => path)),
    [['model/model.safetensors'], ['model/model.safetensors']],
  );
  for (const output of [made, planned, reused, more]) noSecrets(output);
  noSecretsIn(one.folder);
  noSecretsIn(two.folder);
});

test('a node that is gone here and in the cache comes back whole; what was there before there was a storage goes up', async (t) => {
  const before = await host(t, 'later', null);
  const made = await before.run('run', 'lineage.yaml', '--plain');
  assert.equal(made.exitCode, 0, made.stderr);
  before.configure({});
  const shared = await before.run('run', 'lineage.yaml', '--plain');
  assert.equal(shared.exitCode, 0, shared.stderr);
  const key = keysBeginning(join(before.folder, '.descent'), '')[0] as string;
  rmSync(keyFolder(join(before.folder, '.descent'), key), { recursive: true });
  const planned = await before.run('plan', 'lineage.yaml', '--detailed-exitcode');
  assert.equal(planned.exitCode, 0, planned.stdout);

  const files = join(server.objects, 'later', 'files');
  const lost = keysBeginning(join(before.folder, '.descent'), '')[0] as string;
  rmSync(join(files, lost), { recursive: true });
  const lacking = await before.run('verify');
  assert.equal(lacking.exitCode, 1, lacking.stdout);
  assert.match(lacking.stdout, /s3:\/\/lineages\/later: lacks something of 1 attempt\n.* it has no /);
  const mended = await before.run('run', 'lineage.yaml', '--plain');
  assert.equal(mended.exitCode, 0, mended.stderr);
  assert.match((await before.run('verify')).stdout, /later: has all that is noted to be there/);
});

test('a storage that cannot be reached, or may not be, ends planning: nothing is taken for what was never done', async (t) => {
  const lone = await host(t, 'nowhere', { endpoint: 'http://127.0.0.1:9' });
  const planned = await lone.run('plan', 'lineage.yaml');
  assert.equal(planned.exitCode, 1);
  assert.match(
    planned.stderr,
    /error: s3:\/\/lineages\/nowhere at http:\/\/[\w.:]+, listing what it has: it could not be reached.*ECONNREFUSED/,
  );
  lone.configure({ bucket: 'no-such-bucket', endpoint: server.endpoint });
  assert.match((await lone.run('plan', 'lineage.yaml')).stderr, /there is no such bucket: make it/);
});

test('hosts with one Temporal and homes of their own share the work of a lineage; results go where it was started', async (t) => {
  const { A, B } = await machines(t);
  const ofA = await A.machine.serve('cpu');
  const ofB = await B.machine.serve('gpu');
  writeFileSync(
    join(A.machine.folder, 'lineage.yaml'),
    `${pairLineage}placement:\n  default: {device: cpu}\n  base: {device: gpu}\n`,
  );
  const run = await descent(['run', 'lineage.yaml', '--plain'], A.machine.folder, { env: A.machine.env });
  assert.equal(run.exitCode, 0, run.stderr + run.stdout);
  assert.deepEqual(executedOn(B.home.folder), ['base@lr=1e-3', 'base@lr=3e-3']);
  assert.ok(!executedOn(A.home.folder).some((address) => address.startsWith('base')));
  const { rows } = await runQuery(A.home.home, "SELECT count(*) FROM attempts WHERE state = 'done'", {});
  assert.deepEqual(
    rows.map(([count]) => Number(count)),
    [7],
  );
  const verified = await descent(['verify'], A.machine.folder, { env: A.machine.env });
  assert.equal(verified.exitCode, 0, verified.stdout);
  for (const worker of [ofA, ofB]) assert.equal(await worker.end('SIGTERM'), 0, worker.said.stderr);
});

interface Host {
  folder: string;
  run(...args: string[]): Promise<Outcome>;
  write(lineage: string): void;
  configure(storage: object | null): void;
}

/** A host with a home and a Temporal of its own; the storage as it is behind the proxy, below a prefix. */
async function host(t: TestContext, prefix: string, storage: object | null = {}): Promise<Host> {
  const folder = await temporaryFolder(t);
  const configure = (own: object | null): void => {
    const all = own === null ? {} : { storage: { bucket: server.bucket, endpoint: proxy.endpoint, prefix, ...own } };
    writeFileSync(join(folder, 'temporal.config.json'), JSON.stringify(all));
  };
  configure(storage);
  writeFileSync(join(folder, 'lineage.yaml'), pairLineage);
  return {
    folder,
    configure,
    run: (...args) => descent(args, folder, { env: credentials }),
    write: (text) => writeFileSync(join(folder, 'lineage.yaml'), text),
  };
}

/** Two machines of one Temporal server, each with a home of its own. */
async function machines(t: TestContext) {
  const one = async (name: string, device: string) => {
    const home: TestHome = await testHome({ heartbeatSeconds: 2, stopSeconds: 5 });
    t.after(() => home.remove());
    const machine = machineNamed(name, home, temporal, { [device]: { slots: 2, threads: 1 } });
    const storage = { bucket: server.bucket, endpoint: proxy.endpoint, prefix: 'one-temporal' };
    const devices = { [device]: { slots: 2, threads: 1 } };
    writeFileSync(
      join(machine.folder, 'temporal.config.json'),
      JSON.stringify({ storage, devices, heartbeatSeconds: 2, stopSeconds: 5 }),
    );
    Object.assign(machine.env, credentials);
    mkdirSync(home.home, { recursive: true });
    return { home, machine };
  };
  return { A: await one('desk', 'cpu'), B: await one('rack', 'gpu') };
}

/** The addresses of what was executed in a home, and did not come from the storage: that has leases. */
function executedOn(folder: string): string[] {
  const home = join(folder, '.descent');
  return keysBeginning(home, '')
    .flatMap((key) => {
      const place = join(keyFolder(home, key), 'attempt-1');
      const claims = existsSync(place) ? readClaims(place) : [];
      const manifest = claims.find(({ kind }) => kind === 'manifest');
      return manifest && claims.some(({ kind }) => kind === 'lease')
        ? [(JSON.parse(manifest.text) as { address: string }).address]
        : [];
    })
    .sort();
}

async function rowsOf(folder: string, table: string): Promise<unknown[][]> {
  const { rows } = await runQuery(join(folder, '.descent'), `SELECT * FROM ${table} ORDER BY ALL`, {});
  return JSON.parse(JSON.stringify(rows, (_, value) => (typeof value === 'bigint' ? String(value) : value)));
}

function noSecrets({ stdout, stderr }: Outcome): void {
  for (const secret of Object.values(credentials)) assert.ok(!`${stdout}${stderr}`.includes(secret));
}

/** Nothing in a home has a secret in it: no log, job, plan or history. */
function noSecretsIn(folder: string): void {
  const home = join(folder, '.descent');
  for (const name of readdirSync(home, { recursive: true, withFileTypes: true })) {
    if (!name.isFile()) continue;
    const bytes = readFileSync(join(name.parentPath ?? name.path, name.name));
    for (const secret of Object.values(credentials)) assert.ok(!bytes.includes(secret), name.name);
  }
}
