import assert from 'node:assert/strict';
import { rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { runQuery } from '../../results/query.ts';
import { rebuildResults } from '../../results/rebuild.ts';
import { temporaryHome } from '../store/support.ts';
import { makePlan } from './lineage.ts';
import { runLineage } from './run.ts';

const tables = [
  'axes',
  'nodes',
  'edges',
  'lineage_nodes',
  'node_axes',
  'settings',
  'mixtures',
  'attempts',
  'executions',
  'facts',
];
const large = ['metrics', 'evaluations', 'samples', 'lineage_wide'];

async function dump(home: string): Promise<Record<string, unknown>> {
  const dumps: Record<string, unknown> = {};
  for (const table of [...tables, ...large]) dumps[table] = (await runQuery(home, `FROM ${table} ORDER BY ALL`)).rows;
  dumps.lineages = (await runQuery(home, 'SELECT plan, lineage FROM latest_lineages ORDER BY ALL')).rows;
  return dumps;
}

test('the store has all that the results need: a lost file comes back the same', async (t) => {
  const home = await temporaryHome(t);
  const first = makePlan({ replay: [], seeds: [1] });
  const second = makePlan({ replay: ['20%'], seeds: [1] });
  await runLineage(home, first);
  await runLineage(home, second);
  const before = await dump(home);
  await rm(join(home, 'results.duckdb'));
  const rebuilt = await rebuildResults(home);
  assert.deepEqual([rebuilt.plans, rebuilt.attempts, rebuilt.damaged], [2, second.nodes.length, []]);
  assert.deepEqual(await dump(home), before);
  await rebuildResults(home);
  assert.deepEqual(await dump(home), before, 'and again, in place');
});

test('damaged attempts are left out and named', async (t) => {
  const home = await temporaryHome(t);
  const plan = makePlan({ replay: [], seeds: [1] });
  await runLineage(home, plan);
  const key = plan.nodes[1]?.key ?? '';
  await truncate(join(home, 'store', key, 'attempt-1', 'events.jsonl'), 10);
  await rm(join(home, 'results.duckdb'));
  const { damaged, attempts } = await rebuildResults(home);
  assert.equal(attempts, plan.nodes.length - 1);
  assert.equal(damaged.length, 1);
  assert.equal(damaged[0]?.key, key);
  assert.match(damaged[0]?.reason ?? '', /^attempt 1: events\.jsonl has 10 bytes, not \d+$/);
});

test('a home without plans gives nothing', async (t) => {
  const rebuilt = await rebuildResults(await temporaryHome(t));
  assert.deepEqual(rebuilt, {
    plans: 0,
    attempts: 0,
    imports: 0,
    metrics: 0,
    evaluations: 0,
    samples: 0,
    damaged: [],
    unreadable: [],
  });
});
