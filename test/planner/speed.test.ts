import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Json, PlanNode } from '../../planner/plan.ts';
import { priceOf } from '../../planner/price.ts';
import {
  type FinishedRuns,
  isRough,
  kindOfWork,
  type MeasuredSpeed,
  measuredSpeed,
  type Speed,
  timeOn,
} from '../../planner/speed.ts';
import { fixture, lineage, nodeAt, planOf, planOfText } from './plans.ts';

const plans = await Promise.all(
  ['minimal.yaml', 'replay.yaml', 'everything.yaml'].map((name) => planOf(fixture(name))),
);
const small = await planOfText(lineage());
const flopsOf = (node: PlanNode) => priceOf(node).flops.training + priceOf(node).flops.inference;

/** A node that ran, as the results have it: by its pre-image, and the shape of its model. */
function finished(node: PlanNode, seconds: number, others: Partial<FinishedRuns> = {}): FinishedRuns {
  const { version, recipe } = node.preimage as { version: number; recipe: { [name: string]: Json } };
  const architecture = node.architecture && shapeOf(node.architecture);
  const judge = node.judge ? shapeOf(node.judge) : null;
  const ran = { device: 'gpu', count: 1, seconds, working: null };
  return { type: node.type, version, recipe, architecture, judge, ...ran, ...others };
}

function secondsOf(node: PlanNode, speed: Speed): number | undefined {
  return timeOn(node, speed)?.seconds;
}

function shapeOf({ ropeTheta, normEpsilon, ...shape }: NonNullable<PlanNode['architecture']>) {
  return shape;
}

describe('timeOn', () => {
  test('by stated speed: operations by what the device does of its peak', () => {
    const base = nodeAt(small, 'base');
    assert.equal(secondsOf(base, { kind: 'stated', peak: 1e9, utilisation: 0.5 }), flopsOf(base) / 5e8);
    assert.equal(secondsOf(nodeAt(small, 'tokenizer:bytes'), { kind: 'stated', peak: 1e9, utilisation: 0.5 }), 0);
  });

  test('by measured speed: a node takes as long as it took, whatever the pre-image leaves out of its recipe', () => {
    for (const node of [...small.nodes, ...plans.flatMap((plan) => plan.nodes)]) {
      const seconds = secondsOf(node, measuredSpeed([finished(node, 12.5)], 'gpu'));
      assert.ok(seconds !== undefined && Math.abs(seconds - 12.5) < 1e-9, `${node.address}: ${seconds}`);
    }
  });

  test('work that was not measured has no time; cpt is the work of pretrain, and evaluations are of two kinds', () => {
    const speed = measuredSpeed([finished(nodeAt(small, 'base'), 10), finished(nodeAt(small, 'rl/id'), 3)], 'gpu');
    const times = (address: string) => secondsOf(nodeAt(small, address), speed);
    const [base, mid] = [nodeAt(small, 'base'), nodeAt(small, 'mid')];
    const start = 0.9 * 3;
    near(times('mid'), start + ((10 - start) * flopsOf(mid)) / flopsOf(base));
    near(times('tuned/id'), 3);
    for (const other of ['tuned', 'rl', 'rl/heldout', 'tokenizer:bytes']) assert.equal(times(other), undefined, other);
    assert.deepEqual(small.nodes.filter(({ stage }) => stage === 'rl').map(kindOfWork), [
      'rl',
      'heldout',
      'problems',
      'problems',
    ]);
  });

  test('a run that is a thousand times longer is not thought to take a thousand times as long to start', async () => {
    const [short, long] = await Promise.all(
      ['20K', '20M'].map((tokens) => planOfText(lineage({ base: `{model: nano, data: web, tokens: ${tokens}}` }))),
    );
    const base = nodeAt(short ?? assert.fail(), 'base');
    const longer = nodeAt(long ?? assert.fail(), 'base');
    // Two seconds to start, and one to work.
    const speed = measuredSpeed([finished(base, 3), finished(nodeAt(small, 'rl/heldout'), 2)], 'gpu');
    const [seconds = Number.NaN, times] = [secondsOf(longer, speed), flopsOf(longer) / flopsOf(base)];
    assert.ok(seconds > times && seconds < 1.5 * times, `${seconds} s for ${times} times one second of work`);
  });

  test('the model nearest in size counts', () => {
    const base = nodeAt(small, 'base');
    const measured = (parameters: number, speed: number) =>
      ({ work: 'text', parameters, count: 1, flops: speed, tokens: 1, seconds: 1, working: 1 }) as const;
    const speed: MeasuredSpeed = {
      kind: 'measured',
      measurements: [measured(1e3, 1e6), measured(1e5, 1e9), measured(1e9, 1e12)],
    };
    assert.equal(secondsOf(base, speed), flopsOf(base) / 1e9);
  });

  test('what a trainer said of its steps is scaled, and nothing else of its time', async () => {
    const long = nodeAt(await planOfText(lineage({ base: '{model: nano, data: web, tokens: 20M}' })), 'base');
    const base = nodeAt(small, 'base');
    // Six seconds, of which a half was work: no other node tells how long it takes to start.
    const speed = measuredSpeed([finished(base, 6, { working: 0.5 })], 'gpu');
    near(secondsOf(base, speed), 6);
    near(secondsOf(long, speed), 5.5 + (0.5 * flopsOf(long)) / flopsOf(base));
  });

  test('more than ten times from what was measured, by operations or by the size of the model, is rough', async () => {
    const plan = await planOfText(lineage({ base: '{model: nano, data: web, tokens: 20M}' }));
    const [base, long] = [nodeAt(small, 'base'), nodeAt(plan, 'base')];
    const by = timeOn(base, measuredSpeed([finished(base, 6)], 'gpu'))?.by ?? assert.fail();
    assert.deepEqual([isRough(base, by), isRough(long, by)], [false, true]);
    assert.equal(isRough(base, { ...by, parameters: by.parameters * 11 }), true);
    assert.equal(isRough(base, { ...by, parameters: by.parameters / 11 }), true);
  });
});

describe('measuredSpeed', () => {
  const base = nodeAt(small, 'base');

  test('adds runs of the same work and size together, of the device that is asked for', () => {
    const runs = [
      finished(base, 30, { count: 3 }),
      finished(nodeAt(small, 'mid'), 5),
      finished(base, 1, { device: 'cpu' }),
    ];
    const flops = 3 * flopsOf(base) + flopsOf(nodeAt(small, 'mid'));
    const tokens = 3 * priceOf(base).tokens.trained + priceOf(nodeAt(small, 'mid')).tokens.trained;
    const { measurements } = measuredSpeed(runs, 'gpu');
    assert.deepEqual(measurements, [
      {
        work: 'text',
        parameters: base.settings.parameters,
        count: 4,
        flops,
        tokens,
        seconds: 35,
        working: 35 - 4 * 0.9 * 5,
      },
    ]);
    assert.deepEqual(measuredSpeed([...runs].reverse(), 'gpu').measurements, measurements);
    assert.deepEqual(measuredSpeed(runs, 'tpu'), { kind: 'measured', measurements: [] });
  });

  test('what needs no device counts wherever it ran, by its average', () => {
    const tokenizer = nodeAt(small, 'tokenizer:bytes');
    const speed = measuredSpeed([finished(tokenizer, 8, { device: 'cpu', count: 4 })], 'gpu');
    assert.equal(secondsOf(tokenizer, speed), 2);
  });

  test('what an older version of a type did, and what took no time, is left out', () => {
    const runs = [finished(base, 10, { version: 0 }), finished(base, 0)];
    assert.deepEqual(measuredSpeed(runs, 'gpu').measurements, []);
  });
});

function near(found: number | undefined, expected: number): void {
  assert.ok(found !== undefined && Math.abs(found - expected) < 1e-9 * expected, `${found}, expected ${expected}`);
}
