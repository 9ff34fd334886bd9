import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planDigest } from '../../planner/key.ts';
import { withDatabase } from '../../results/database.ts';
import { ingestAttempt } from '../../results/ingest.ts';
import { runQuery } from '../../results/query.ts';
import { recordLineage } from '../../results/record.ts';
import { lineage, nodeAt, planOfText } from '../planner/plans.ts';
import { temporaryHome } from '../store/support.ts';
import { asLines, makeEvents } from './events.ts';
import { leaveEvents } from './run.ts';

test('what each step learned from is in the tables once, as the last execution reported it, by document and problem', async (t) => {
  const home = await temporaryHome(t);
  const plan = await planOfText(lineage());
  const [base, tuned] = [nodeAt(plan, 'base'), nodeAt(plan, 'tuned')];
  // Killed after step 13, gone on with from the checkpoint of step 10.
  const interrupted = asLines([...makeEvents(base, { until: 13 }), ...makeEvents(base, { from: 10 })]);
  const attempts = [
    await leaveEvents(home, base, interrupted),
    await leaveEvents(home, tuned, asLines(makeEvents(tuned))),
  ];
  await withDatabase(home, 'write', async (connection) => {
    await recordLineage(connection, plan, planDigest(plan));
    for (const attempt of [...attempts, ...attempts]) await ingestAttempt(connection, attempt);
  });
  const rows = async (sql: string) => (await runQuery(home, sql)).rows;
  assert.deepEqual(await rows('SELECT key, count(*), count(DISTINCT step) FROM batches GROUP BY ALL ORDER BY key'), [
    ...[base.key, tuned.key].sort().map((key) => [key, 20, 20]),
  ]);
  assert.deepEqual(
    await rows(`SELECT address, dataset, place_in_step, first_document, last_document, problem, digest
      FROM trained_on WHERE step = 12 ORDER BY place, place_in_step`),
    [
      ['base', 'web', 0, 36, 37, null, '000000000000000c'],
      ['base', 'web', 1, 37, 39, null, '000000000000000c'],
      ['tuned', 'math', 0, null, null, 'p12', '000000000000000c'],
      ['tuned', 'math', 1, null, null, 'q12', '000000000000000c'],
    ],
  );
  assert.deepEqual(
    await rows(
      "SELECT step FROM trained_on WHERE dataset = 'web' AND 39 BETWEEN first_document AND last_document ORDER BY ALL",
    ),
    [[12], [13]],
  );
});
