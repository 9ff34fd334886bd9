import assert, { deepEqual, equal, match, rejects } from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import picocolors from 'picocolors';
import { catchUp } from '../../cli/catch-up.ts';
import type { Context } from '../../cli/context.ts';
import { hold, letGo } from '../../cli/host-state.ts';
import { byteProgress } from '../../cli/render/byte-progress.ts';
import type { VerifyReport } from '../../cli/render/verify.ts';
import { verify } from '../../cli/verify.ts';
import type { Plan } from '../../planner/plan.ts';
import { judge } from '../../planner/verdict.ts';
import { withDatabase } from '../../results/database.ts';
import { runQuery } from '../../results/query.ts';
import { databaseWaits } from '../../results/waits.ts';
import { nodesInspector } from '../../store/artifact.ts';
import { attemptFolder, keyFolder } from '../../store/home.ts';
import { machineName } from '../../store/machine.ts';
import { writePlan } from '../../store/plans.ts';
import { nodeAt, planOf } from '../planner/plans.ts';
import { asLines, makeEvents } from '../results/events.ts';
import { runLineage, runNode } from '../results/run.ts';
import { startScript } from '../store/support.ts';
import { descent, temporaryFolder, writeLineage } from './support.ts';

interface Prepared {
  folder: string;
  home: string;
  plan: Plan;
}

/** A folder with a lineage that was run: a tokenizer, and two models with an evaluation each. */
async function prepare(t: TestContext): Promise<Prepared> {
  const folder = await temporaryFolder(t);
  await writeLineage(folder);
  const plan = await planOf(join(folder, 'lineage.yaml'));
  const home = join(folder, '.descent');
  await runLineage(home, plan);
  return { folder, home, plan };
}

/** The verb within this process: its exit code, and what it printed. */
async function run(folder: string, nodes: string[] = [], options: { rebuild?: true; json?: true } = {}) {
  const printed: string[] = [];
  const colours = picocolors.createColors(false);
  const terminal = {
    out: (text: string) => printed.push(text),
    err: (text: string) => printed.push(text),
    colours,
    errorColours: colours,
    interactive: false,
    columns: 80,
  };
  const context: Context = { terminal, cwd: folder, env: {}, debug: false };
  const exitCode = await verify(nodes, options, context);
  return { exitCode, text: `${printed.join('\n')}\n` };
}

async function report(folder: string, nodes: string[] = []): Promise<VerifyReport> {
  return JSON.parse((await run(folder, nodes, { json: true })).text) as VerifyReport;
}

/** Everything that queries show, in an order of its own. */
async function dump(home: string): Promise<unknown> {
  const tables = ['metrics', 'evaluations', 'samples', 'attempts', 'settings', 'lineage_wide'];
  return Promise.all(tables.map(async (table) => (await runQuery(home, `FROM ${table} ORDER BY ALL`)).rows));
}

/** Flips one bit amid a file of a megabyte, which is too large to be hashed whenever it is looked at. */
async function flipBit(path: string): Promise<void> {
  const file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, 500_000);
  byte[0] = (byte[0] ?? 0) ^ 4;
  await file.write(byte, 0, 1, 500_000);
  await file.close();
}

test('all well: every attempt hashed, every row once, exit code 0', async (t) => {
  const { folder, home, plan } = await prepare(t);
  const { exitCode, stdout, stderr } = await descent(['verify'], folder);
  deepEqual([exitCode, stderr], [0, '']);
  match(
    stdout,
    /^store: 5 published attempts, [\d.]+ kB: all whole\nresults: 5 attempts, \d+ rows in \d+ tables: each is in results\.duckdb exactly once\n$/,
  );
  deepEqual((await readdir(home)).sort(), ['plans', 'results.duckdb', 'store'], 'nothing is left behind');
  const { artifacts, results } = await report(folder, [
    'base@lr=1e-3',
    nodeAt(plan, 'tokenizer:bytes').key.slice(0, 9),
  ]);
  deepEqual([artifacts.attempts, artifacts.damaged], [2, []]);
  deepEqual(results.state === 'compared' && [results.attempts, results.differences, results.onlyInResults], [
    2,
    [],
    [],
  ]);
});

test('a flipped bit in a large file is found, noted, planned as run with that reason, and forgotten when mended', async (t) => {
  const { folder, home, plan } = await prepare(t);
  const node = nodeAt(plan, 'base@lr=1e-3');
  await rm(keyFolder(home, node.key), { recursive: true });
  const weights = Buffer.alloc(1_000_000, 7);
  await runNodeWith(home, node, weights);
  await catchUp(home, plan, await writePlan(home, plan), judge(plan, nodesInspector(home)));
  equal((await run(folder)).exitCode, 0);

  const path = join(attemptFolder(home, node.key, 1), 'model', 'model.safetensors');
  await flipBit(path);
  const verdict = async () => (await descent(['plan', 'lineage.yaml', '--select', 'base@lr=1e-3'], folder)).stdout;
  match(await verdict(), /^reuse {2}base@lr=1e-3 /m);
  const { exitCode, text } = await run(folder);
  equal(exitCode, 1);
  match(
    text,
    /^store: 5 published attempts, 1\.\d+ MB: 1 damaged\n {2}base@lr=1e-3 {2}\w{12} {2}attempt 1: model\/model\.safetensors was changed since it was published\n {2}noted: /,
  );
  match(
    text,
    /\n {2}only in results\.duckdb: \d+ rows of what the store has damaged; a rebuild forgets them\n {4}base@lr=1e-3 \(\w{12}\) attempt 1 {2}\d+ rows\n*$/,
  );
  match(
    await verdict(),
    /^run {2}base@lr=1e-3 .* attempt 1: model\/model\.safetensors was changed since it was published/m,
  );
  await flipBit(path);
  equal((await run(folder)).exitCode, 0);
  match(await verdict(), /^reuse {2}base@lr=1e-3 /m);
});

/** runNode, with weights of some size. */
async function runNodeWith(home: string, node: Parameters<typeof runNode>[1], weights: Buffer): Promise<void> {
  await mkdir(join(attemptFolder(home, node.key, 1), 'model'), { recursive: true });
  await writeFile(join(attemptFolder(home, node.key, 1), 'model', 'model.safetensors'), weights);
  await runNode(home, node);
}

test('rows that differ are told by attempt, and --rebuild mends them', async (t) => {
  const { folder, home, plan } = await prepare(t);
  const before = await dump(home);
  const { key } = nodeAt(plan, 'base@lr=3e-3');
  await withDatabase(home, 'write', async (connection) => {
    await connection.run(`DELETE FROM metrics WHERE key = '${key}' AND step = 5`);
    await connection.run(`INSERT INTO metrics FROM metrics WHERE key = '${key}' AND step = 6 AND metric = 'loss'`);
    await connection.run(`UPDATE metrics SET value = 0 WHERE key = '${key}' AND step = 7 AND metric = 'loss'`);
  });
  const { exitCode, text } = await run(folder);
  equal(exitCode, 1);
  match(
    text,
    /: results\.duckdb differs\n {2}metrics {2}base@lr=3e-3 \(\w{12}\) attempt 1 {2}3 rows missing, 1 row too many, 1 row changed\n {2}--rebuild makes it anew/,
  );
  const named = await report(folder, ['base@lr=1e-3']);
  equal(named.ok, true, 'of other nodes nothing differs');
  await rejects(run(folder, ['base@lr=1e-3'], { rebuild: true }), /it takes no nodes/);
  const rebuilt = await run(folder, [], { rebuild: true });
  equal(rebuilt.exitCode, 0);
  match(rebuilt.text, /\nresults\.duckdb is rebuilt from the store\n$/);
  deepEqual(await dump(home), before);
  equal((await run(folder)).exitCode, 0);
});

test('results that were lost or cannot be read come back', async (t) => {
  const { folder, home } = await prepare(t);
  const before = await dump(home);
  const path = join(home, 'results.duckdb');
  await rm(path);
  const lost = await run(folder);
  equal(lost.exitCode, 1);
  match(lost.text, /\nresults: results\.duckdb is missing, and --rebuild brings it back from the store\n$/);
  equal(existsSync(path), false);
  match(
    (await descent(['status'], folder)).stderr,
    /results\.duckdb is missing in .*: `descent verify --rebuild` brings it back/,
  );
  equal((await run(folder, [], { rebuild: true })).exitCode, 0);
  deepEqual(await dump(home), before);

  await writeFile(path, 'not a database, and longer than the header of one would be, for sure');
  const broken = await run(folder);
  equal(broken.exitCode, 1);
  match(
    broken.text,
    /\nresults: cannot open .* not a valid DuckDB database file!\n {2}--rebuild makes it anew from the store\n$/,
  );
  const mended = await run(folder, [], { rebuild: true });
  equal(mended.exitCode, 0);
  match(mended.text, /the file that could not be read is .*results\.duckdb\.unreadable-\w{8} now\n$/);
  deepEqual(await dump(home), before);
});

test('what was removed from the store is only in the results, until they are rebuilt', async (t) => {
  const { folder, home, plan } = await prepare(t);
  const node = nodeAt(plan, 'base@lr=3e-3/heldout');
  await rm(keyFolder(home, node.key), { recursive: true });
  const { exitCode, text } = await run(folder);
  equal(exitCode, 0);
  match(
    text,
    /: each is in results\.duckdb exactly once\n {2}only in results\.duckdb: \d+ rows of what the store no longer has; no error, and a rebuild forgets them\n {4}base@lr=3e-3\/heldout \(\w{12}\) attempt 1 {2}\d+ rows\n$/,
  );
  match((await run(folder, [], { rebuild: true })).text, /no longer has; forgotten now\n/);
  const { rows } = await runQuery(home, `FROM attempts WHERE key = '${node.key}'`);
  deepEqual(rows, []);
});

test('a node that was removed and trained again is read into the results again, though it is attempt 1 again', async (t) => {
  const { folder, home, plan } = await prepare(t);
  const node = nodeAt(plan, 'base@lr=3e-3');
  await rm(keyFolder(home, node.key), { recursive: true });
  const { manifest } = await runNode(home, node, asLines(makeEvents(node, { steps: 12 })));
  equal(manifest?.attempt, 1);
  const path = join(attemptFolder(home, node.key, 1), 'manifest.json');
  equal(existsSync(path), true);
  await withDatabase(home, 'write', (connection) =>
    connection.run(`UPDATE attempts SET finished_at = '2025-12-31T00:00:00Z' WHERE key = '${node.key}'`),
  );
  equal((await run(folder)).exitCode, 1);
  await catchUp(home, plan, await writePlan(home, plan), judge(plan, nodesInspector(home)));
  equal((await run(folder)).exitCode, 0);
});

test('links are not followed out of the store', async (t) => {
  const { folder, home, plan } = await prepare(t);
  const model = join(attemptFolder(home, nodeAt(plan, 'base@lr=1e-3').key, 1), 'model');
  await rename(model, join(folder, 'elsewhere'));
  await symlink(join(folder, 'elsewhere'), model);
  const { key } = nodeAt(plan, 'base@lr=3e-3');
  await rename(keyFolder(home, key), join(folder, 'aside'));
  await symlink(join(folder, 'aside'), keyFolder(home, key));
  const { ok, artifacts } = await report(folder);
  equal(ok, false);
  deepEqual(artifacts.damaged.map(({ address, reason }) => `${address} ${reason.replaceAll(folder, '')}`).sort(), [
    'base@lr=1e-3 attempt 1: model/config.json lies elsewhere: a link leads to it',
    `base@lr=3e-3 attempt 1: /.descent/store/${key}/attempt-1 is reached by a link`,
  ]);
  deepEqual((await readdir(join(folder, 'aside', 'attempt-1'))).includes('damage.txt'), false);
});

test('nothing is put in place while a lineage runs, nor before whoever has the results open closes them', async (t) => {
  const { folder, home } = await prepare(t);
  await hold(home, ['lineage-small-0123456789ab']);
  await rejects(run(folder, [], { rebuild: true }), /the results are not rebuilt while a lineage runs: process \d+/);
  equal((await run(folder)).exitCode, 0, 'looking is fine');
  await letGo(home);
  const script = startScript(t, new URL('../results/scripts/hold.js', import.meta.url), [home, 'read']);
  await script.nextLine();
  const told = new Promise((resolve) => {
    subscribe(databaseWaits, resolve);
    t.after(() => unsubscribe(databaseWaits, resolve));
  });
  const rebuilding = run(folder, [], { rebuild: true });
  match(String(await told), /^waiting for results\.duckdb, which process \d+ .* holds$/);
  script.say('close');
  equal((await rebuilding).exitCode, 0);
});

test('a rebuilt file that a process left is removed on its own machine, and on no other', async (t) => {
  const { folder, home } = await prepare(t);
  const left = (machine: string) => `results.duckdb.rebuilt-${machine}-4194999-00112233`;
  for (const machine of [machineName(), 'else-where']) await writeFile(join(home, left(machine)), '');
  equal((await run(folder)).exitCode, 0);
  deepEqual(
    (await readdir(home)).filter((name) => name.includes('.rebuilt-')),
    [left('else-where')],
  );
});

test('progress is told by bytes, in lines where nothing can be redrawn', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const told: string[] = [];
  const colours = picocolors.createColors(false);
  let now = 100;
  const terminal = {
    out: () => assert.fail('the answer goes there'),
    err: (text: string) => told.push(text),
    colours,
    errorColours: colours,
    interactive: false,
    columns: 80,
  };
  const progress = byteProgress(terminal, 4e9, () => now);
  progress.add(5e8);
  progress.add(5e8);
  now += 10;
  t.mock.timers.tick(10_000);
  progress.add(3e9);
  progress.close();
  t.mock.timers.tick(20_000);
  deepEqual(told, ['1 GB of 4 GB read · 30 s left']);
});

test('a home in which nothing was run is well; a plan that is damaged is not, and nothing is rebuilt without it', async (t) => {
  const empty = await temporaryFolder(t);
  deepEqual(await run(empty), {
    exitCode: 0,
    text: 'store: 0 published attempts, 0 B: all whole\nresults: nothing was run in this home yet\n',
  });
  deepEqual(await readdir(empty), []);
  const { folder, home } = await prepare(t);
  const [plan = ''] = await readdir(join(home, 'plans'));
  await writeFile(join(home, 'plans', plan), '{}');
  const { exitCode, text } = await run(folder, [], { rebuild: true });
  equal(exitCode, 1);
  match(text, /the plan .* is damaged: /);
  equal((await runQuery(home, 'FROM lineages')).rows.length, 1);
});
