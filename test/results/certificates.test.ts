import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planDigest } from '../../planner/key.ts';
import { withDatabase } from '../../results/database.ts';
import { ingestAttempt } from '../../results/ingest.ts';
import { runQuery } from '../../results/query.ts';
import { recordLineage } from '../../results/record.ts';
import type { OverlapEvent, TrainerEvent } from '../../schemas/types/event.ts';
import { lineage, nodeAt, planOfText } from '../planner/plans.ts';
import { temporaryHome } from '../store/support.ts';
import { asLines } from './events.ts';
import { leaveEvents } from './run.ts';

const started: TrainerEvent = { event: 'started', resumedFrom: null, steps: 1, device: 'cpu', engine: 'made up' };
const overlap = (against: string, exact: number): OverlapEvent => ({
  event: 'overlap',
  trained: 'math/rl',
  trainedProblems: 64,
  against,
  problems: 100,
  exact,
  grams: 2,
  common: 1,
  mostExact: 0,
  mostGrams: 1,
});

test('certificates are in the tables, those that failed too, with the stages that wait for them', async (t) => {
  const home = await temporaryHome(t);
  const plan = await planOfText(
    lineage({ axes: '{seed: {replicate: [1, 2]}}', evaluate: '{each: [rl], suites: [id]}' }),
  );
  const [tuned, rl] = ['overlap:tuned', 'overlap:rl'].map((address) => nodeAt(plan, address)) as [never, never];
  const refused: TrainerEvent = { event: 'failed', kind: 'bad-data', message: 'they overlap', step: 0 };
  const done: TrainerEvent = { event: 'done', step: 1, tokens: 0, model: 'model', facts: { exact: 0, grams: 2 } };
  const first = await leaveEvents(
    home,
    tuned,
    asLines([started, { ...overlap('math/test', 0), trained: 'math/sft' }, done]),
  );
  // Of an execution that was cut short, what it said is said again.
  const said = [started, overlap('math/sft', 0), started, overlap('math/sft', 0), overlap('math/test', 3), refused];
  const second = await leaveEvents(home, rl, asLines(said));
  await withDatabase(home, 'write', async (connection) => {
    await recordLineage(connection, plan, planDigest(plan));
    for (let times = 0; times < 2; times += 1) {
      await ingestAttempt(connection, first);
      await ingestAttempt(connection, { ...second, manifest: null });
    }
  });
  const { rows } = await runQuery(
    home,
    `SELECT address, state, trained, against, problems, exact, grams, common, refused, stages FROM certificates
     ORDER BY place, against`,
  );
  assert.deepEqual(rows, [
    ['overlap:tuned', 'done', 'math/sft', 'math/test', 100, 0, 2, 1, false, ['tuned@seed=1', 'tuned@seed=2']],
    ['overlap:rl', 'failed', 'math/rl', 'math/sft', 100, 0, 2, 1, false, ['rl@seed=1', 'rl@seed=2']],
    ['overlap:rl', 'failed', 'math/rl', 'math/test', 100, 3, 2, 1, true, ['rl@seed=1', 'rl@seed=2']],
  ]);
});
