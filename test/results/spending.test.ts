import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { savings } from '../../planner/sharing.ts';
import { runQuery } from '../../results/query.ts';
import { updateSchema } from '../../results/schema.ts';
import { studentQuantile } from '../../results/statistics/student.ts';
import { temporaryHome } from '../store/support.ts';
import { asLines, heldoutLoss, makeEvents } from './events.ts';
import { makePlan } from './lineage.ts';
import { ingestPlan, leaveEvents, recordRuns } from './run.ts';

const plan = makePlan({ seeds: [1, 2, 3] });
let home = '';
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'descent-spending-'));
  await recordRuns(home, plan);
});
after(() => rm(home, { recursive: true, force: true }));

test('the ledger has what a plan takes and what it saves, as planning finds it', async () => {
  const { shared, saved } = savings(plan, () => 0);
  const { rows } = await runQuery(
    home,
    'SELECT nodes, made, training_tokens, training_flops, saved_tokens, saved_flops, spent_tokens, common_flops FROM ledger',
  );
  const [[nodes, made, tokens, flops, savedTokens, savedFlops, spent, common] = []] = rows;
  const distinct = new Set(plan.nodes.map(({ key }) => key)).size;
  assert.deepEqual(
    [nodes, made, tokens, savedTokens, spent, common],
    [distinct, distinct, shared.tokens, saved.tokens, shared.tokens, 0],
  );
  assert.ok(Math.abs(Number(flops) / shared.flops - 1) < 1e-12);
  assert.ok(saved.flops > 0 && Math.abs(Number(savedFlops) / saved.flops - 1) < 1e-12);
});

test('what was made twice is spent twice, what two lineages have is made once, and what is not done not at all', async (t) => {
  const own = await temporaryHome(t);
  const small = makePlan({ seeds: [1], replay: ['0%'] });
  const [, base] = small.nodes;
  assert.equal(base?.type, 'pretrain');
  await ingestPlan(own, small, [
    await leaveEvents(own, base, asLines(makeEvents(base)), 1),
    await leaveEvents(own, base, asLines(makeEvents(base)), 2),
  ]);
  await ingestPlan(own, { ...small, lineage: 'other' }, []);
  const { rows } = await runQuery(
    own,
    `SELECT type, made, spent_tokens / nullif(tokens, 0), runs, lineages FROM spending
     WHERE lineage = 'other' AND type IN ('pretrain', 'cpt', 'evaluate') AND stage IN ('base', 'mid') ORDER BY place`,
  );
  assert.deepEqual(rows, [
    ['pretrain', 2, 2, 1, 2],
    ['evaluate', 0, null, null, 2],
    ['evaluate', 0, null, null, 2],
    ['cpt', 0, 0, 1, 2],
    ['evaluate', 0, null, null, 2],
    ['evaluate', 0, null, null, 2],
  ]);
});

test('seeds have a mean with an interval by t, and forgetting has a model beside each before it', async () => {
  const { rows } = await runQuery(
    home,
    `SELECT n, mean, high - mean, mean - low FROM seeds
     WHERE stage = 'mid' AND setting = 'replay=20%' AND task = 'web' AND metric = 'loss'`,
  );
  const [[n, mean, above, below] = []] = rows;
  assert.equal(n, 3);
  assert.ok(Math.abs(Number(mean) - heldoutLoss('mid@replay=20%,seed=2', 'web')) < 1e-12);
  const half = (studentQuantile(0.05, 2) * 0.01) / Math.sqrt(3); // seeds are 0.01 apart
  for (const found of [above, below]) assert.ok(Math.abs(Number(found) - half) < 1e-10, String(found));
  const address = 'tuned@replay=20%,seed=1';
  const forgotten = await runQuery(
    home,
    `SELECT ancestor, depth, change FROM forgetting WHERE address = '${address}' AND task = 'web' AND metric = 'loss'
     ORDER BY depth`,
  );
  const change = (ancestor: string) => heldoutLoss(address, 'web') - heldoutLoss(ancestor, 'web');
  assert.deepEqual(forgotten.rows, [
    ['mid@replay=20%,seed=1', 1, change('mid@replay=20%,seed=1')],
    ['base@seed=1', 2, change('base@seed=1')],
  ]);
});

test('the interval of seeds is by the same t as elsewhere, for any number of models', async () => {
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  try {
    await connection.run('BEGIN');
    await updateSchema(connection);
    // A lineage for each number of models, whose figures are 0 and 1 in turn.
    await connection.run(`
      CREATE OR REPLACE VIEW model_figures AS
      SELECT n::VARCHAR AS lineage, n::VARCHAR AS plan, i AS place, i::VARCHAR AS address, 's' AS stage, NULL AS marks,
        'id' AS suite, 'all' AS task, 'pass@1' AS metric, (i % 2)::DOUBLE AS value
      FROM range(1, 200) AS a(n), range(n) AS b(i)`);
    const found = await connection.runAndReadAll(
      'SELECT n::INTEGER, (high - mean) * sqrt(n) / deviation FROM seeds ORDER BY n',
    );
    for (const [n, t] of found.getRows()) {
      if (n === 1) assert.equal(t, null);
      else {
        const expected = studentQuantile(0.05, Number(n) - 1);
        assert.ok(Math.abs(Number(t) / expected - 1) < 1e-7, `${n}: ${t} and not ${expected}`);
      }
    }
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
});
