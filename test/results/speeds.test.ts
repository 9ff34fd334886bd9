import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PlanNode } from '../../planner/plan.ts';
import { priceOf } from '../../planner/price.ts';
import { measuredSpeed, timeOn } from '../../planner/speed.ts';
import { withDatabase } from '../../results/database.ts';
import { ingestAttempts } from '../../results/ingest.ts';
import { finishedRuns } from '../../results/speeds.ts';
import { typeVersions } from '../../schemas/catalogue.ts';
import { lineage, nodeAt, planOfText } from '../planner/plans.ts';
import { temporaryHome } from '../store/support.ts';
import { asLines, makeEvents } from './events.ts';
import { leaveEvents, recordRuns } from './run.ts';

/** How long `recordRuns` says that each node took. */
const secondsEach = 90.5;

test('a finished lineage says how long each of its nodes takes, from the database alone', async (t) => {
  const home = await temporaryHome(t);
  const plan = await planOfText(lineage());
  await recordRuns(home, plan);
  const speed = measuredSpeed(await finishedRuns(home), 'cpu');
  for (const node of plan.nodes) {
    const seconds = timeOn(node, speed)?.seconds ?? Number.NaN;
    // Evaluations of one kind and nodes of one kind of work share a speed, so each alone may differ, and all do not.
    if (['sft', 'rl', 'tokenizer'].includes(node.type)) near(seconds, secondsEach, node.address);
  }
  const total = plan.nodes.reduce((sum, node) => sum + (timeOn(node, speed)?.seconds ?? Number.NaN), 0);
  near(total, secondsEach * plan.nodes.length, 'in all');
  const text = speed.measurements.find(({ work }) => work === 'text');
  assert.deepEqual(text, {
    work: 'text',
    parameters: 37_088,
    count: 2,
    flops: ['base', 'mid'].reduce((sum, address) => sum + priceOf(nodeAt(plan, address)).flops.training, 0),
    tokens: ['base', 'mid'].reduce((sum, address) => sum + priceOf(nodeAt(plan, address)).tokens.trained, 0),
    seconds: 2 * secondsEach,
    working: 2 * (secondsEach - 0.9 * secondsEach),
  });
});

test('seeds of one recipe are one row', async (t) => {
  const home = await temporaryHome(t);
  await recordRuns(home, await planOfText(lineage({ axes: '{seed: {replicate: [1, 2, 3]}}' })));
  const [row, ...others] = (await finishedRuns(home)).filter(({ type }) => type === 'pretrain');
  assert.deepEqual(others, []);
  assert.deepEqual(row, {
    type: 'pretrain',
    version: typeVersions.pretrain,
    recipe: row?.recipe,
    architecture: { layers: 2, hidden: 32, heads: 4, kvHeads: 4, ffn: 64, vocab: 257, context: 64 },
    judge: null,
    device: 'cpu',
    count: 3,
    seconds: 3 * secondsEach,
    working: null,
  });
});

test('an evaluation is told with the shape of the reward model that scored its responses', async (t) => {
  const home = await temporaryHome(t);
  const plan = await planOfText(lineage());
  const judge = nodeAt(plan, 'mid');
  const scored = (node: PlanNode) =>
    node.address === 'tuned/id' ? { ...node, parents: { ...node.parents, rewardModel: judge.key } } : node;
  await recordRuns(home, { ...plan, nodes: plan.nodes.map(scored) });
  const judges = (await finishedRuns(home)).filter(({ judge }) => judge !== null);
  assert.deepEqual(
    judges.map(({ type, count, judge }) => [type, count, judge]),
    [['evaluate', 1, { layers: 2, hidden: 32, heads: 4, kvHeads: 4, ffn: 64, vocab: 257, context: 64 }]],
  );
});

test('what trainers said of their steps is told where all of them did', async (t) => {
  const home = await temporaryHome(t);
  const plan = await planOfText(lineage());
  const base = nodeAt(plan, 'base');
  const events = makeEvents(base);
  events.splice(-1, 0, { event: 'memory', peakBytes: 1000 }, { event: 'pace', secondsPerStep: 0.25 });
  const whole = await leaveEvents(home, base, asLines(events));
  await withDatabase(home, 'write', (connection) => ingestAttempts(connection, [whole]));
  assert.deepEqual(
    (await finishedRuns(home)).map(({ seconds, working }) => [seconds, working]),
    [[secondsEach, 20 * 0.25]],
  );
});

test('only what finished, and in one go, says how long it takes', async (t) => {
  const home = await temporaryHome(t);
  const plan = await planOfText(lineage());
  const [base, mid, tuned] = ['base', 'mid', 'tuned'].map((address) => nodeAt(plan, address)) as PlanNode[];
  const left = async (node: PlanNode | undefined) => {
    assert.ok(node);
    return leaveEvents(home, node, asLines(makeEvents(node)));
  };
  const [whole, resumed, unfinished] = [await left(base), await left(mid), await left(tuned)];
  resumed.manifest.provenance.executions = 2;
  await withDatabase(home, 'write', (connection) =>
    ingestAttempts(connection, [whole, resumed, { ...unfinished, manifest: null }]),
  );
  assert.deepEqual(
    (await finishedRuns(home)).map(({ type, count }) => [type, count]),
    [['pretrain', 1]],
  );
});

test('where nothing has run, that is what it says', async (t) => {
  const home = await temporaryHome(t);
  await assert.rejects(finishedRuns(home), { name: 'ResultsError', message: /no results yet/ });
  await withDatabase(home, 'write', async () => {});
  assert.deepEqual(await finishedRuns(home), []);
});

function near(actual: number, expected: number, what: string): void {
  assert.ok(Math.abs(actual - expected) < 1e-6, `${what}: ${actual} is not ${expected}`);
}
