import { deepEqual, equal } from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { comparedTables, compareResults } from '../../results/compare.ts';
import { withDatabase } from '../../results/database.ts';
import { runQuery } from '../../results/query.ts';
import { rebuildResults } from '../../results/rebuild.ts';
import { beginAttempt } from '../../store/attempt.ts';
import { keyFolder } from '../../store/home.ts';
import { temporaryHome } from '../store/support.ts';
import { makePlan } from './lineage.ts';
import { runLineage } from './run.ts';

async function prepare(t: TestContext) {
  const home = await temporaryHome(t);
  const plan = makePlan({ seeds: [1], replay: ['20%'] });
  const digest = await runLineage(home, plan);
  const rebuilt = join(home, 'rebuilt.duckdb');
  const nodeOf = (address: string) => {
    const node = plan.nodes.find((one) => one.address === address);
    if (node === undefined) throw new Error(address);
    return node;
  };
  const compare = async () => {
    await rm(rebuilt, { force: true });
    await rebuildResults(home, { path: rebuilt });
    const found = await compareResults(home, rebuilt);
    deepEqual(await compareResults(home, rebuilt, { rowsAtOnce: 50 }), found, 'in slices it is the same');
    return found;
  };
  const change = (sql: string) => withDatabase(home, 'write', (connection) => connection.run(sql));
  return { home, plan, digest, nodeOf, compare, change };
}

test('every table is compared, and what a run has left is what the store says', async (t) => {
  const { home, plan, compare } = await prepare(t);
  const { rows } = await runQuery(home, "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'");
  deepEqual(
    comparedTables.map(({ table }) => table).sort(),
    rows
      .flat()
      .filter((name) => !['schema_versions', 'verdicts', 'verdict_evidence'].includes(String(name)))
      .sort(),
  );
  const { rows: counts, ...comparison } = await compare();
  deepEqual(comparison, { attempts: plan.nodes.length, unfinished: 0, differences: [], onlyInResults: [] });
  for (const [table, count] of Object.entries(counts)) {
    const found = await runQuery(home, `SELECT count(*)::INTEGER FROM ${table}`);
    deepEqual(found.rows, [[count]], table);
  }
  equal((counts.metrics ?? 0) > 200 && (counts.samples ?? 0) > 0 && (counts.evaluations ?? 0) > 0, true);
});

test('rows that are missing, too many or changed are told by attempt', async (t) => {
  const { digest, nodeOf, compare, change } = await prepare(t);
  const [base, mid] = [nodeOf('base@seed=1'), nodeOf('mid@replay=20%,seed=1')];
  const heldout = nodeOf('base@seed=1/heldout');
  await change(`DELETE FROM metrics WHERE key = '${base.key}' AND step = 7`);
  await change(`UPDATE metrics SET value = value + 1e-12 WHERE key = '${base.key}' AND step = 8 AND metric = 'loss'`);
  await change(`INSERT INTO metrics FROM metrics WHERE key = '${mid.key}' AND step = 3`);
  await change(`DELETE FROM evaluations WHERE key = '${heldout.key}'`);
  await change("UPDATE settings SET value = '9' WHERE address = 'base@seed=1' AND name = 'lr'");
  await change(`UPDATE nodes SET seed = 99 WHERE key = '${base.key}'`);
  const { differences, onlyInResults } = await compare();
  const of = ({ key, address }: { key: string; address: string }) => ({ kind: 'attempt', key, attempt: 1, address });
  deepEqual(
    differences.sort((a, b) => b.missing - a.missing || b.extra - a.extra || (a.table < b.table ? -1 : 1)),
    [
      { table: 'evaluations', of: of(heldout), missing: 3, extra: 0, changed: 0 },
      { table: 'metrics', of: of(base), missing: 3, extra: 0, changed: 1 },
      { table: 'metrics', of: of(mid), missing: 0, extra: 3, changed: 0 },
      {
        table: 'nodes',
        of: { kind: 'node', key: base.key, address: base.address },
        missing: 0,
        extra: 0,
        changed: 1,
      },
      { table: 'settings', of: { kind: 'plan', plan: digest, lineage: 'replay' }, missing: 0, extra: 0, changed: 1 },
    ],
  );
  deepEqual(onlyInResults, []);
});

test('what the store has no more is only in the results; what is unfinished is not compared', async (t) => {
  const { home, plan, nodeOf, compare, change } = await prepare(t);
  const [base, tuned] = [nodeOf('base@seed=1'), nodeOf('tuned@replay=20%,seed=1')];
  await rm(keyFolder(home, base.key), { recursive: true });
  await change(`INSERT INTO metrics VALUES ('${'ab'.repeat(32)}', 3, 1, 1, 'loss', 1)`);
  await beginAttempt(home, tuned, { from: 2 });
  const { attempts, unfinished, differences, onlyInResults } = await compare();
  deepEqual([attempts, unfinished, differences], [plan.nodes.length - 1, 1, []]);
  const told = onlyInResults.map(({ of }) => (of.kind === 'attempt' ? `${of.address} ${of.attempt}` : of.kind));
  deepEqual(told.sort(), ['base@seed=1 1', 'null 3']);
  equal(onlyInResults.find(({ of }) => of.kind === 'attempt' && of.attempt === 3)?.rows, 1);
});
