import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type DeviceClass, type Estimate, estimate } from '../../planner/estimate.ts';
import type { Plan, PlanNode } from '../../planner/plan.ts';
import { allFlops, priceOf } from '../../planner/price.ts';
import { type Speed, timeOn } from '../../planner/speed.ts';
import type { Verdict } from '../../planner/verdict.ts';
import { lineage, nodeAt, planOfText } from './plans.ts';

const run: Verdict = { verdict: 'run', reason: { kind: 'new' } };
const reuse: Verdict = { verdict: 'reuse', reason: { kind: 'done', attempt: 1, finishedAt: '2026-01-01T00:00:00Z' } };
const resumeAt = (step: number): Verdict => ({
  verdict: 'resume',
  reason: { kind: 'checkpoint', attempt: 1, step, steps: null },
});

/** A billion operations a second, of which half are reached. */
const stated: Speed = { kind: 'stated', peak: 1e9, utilisation: 0.5 };

/** Base, two of `mid`, of each `tuned` and `rl`; `tuned` and `rl` are evaluated. */
const branching = lineage({
  mid: '{from: base, tokens: 20K, batch: 512, mix: {math: 1, replay: "{replay}"}}',
  axes: '{replay: [0%, 20%]}',
});

function priced(
  plan: Pick<Plan, 'nodes'>,
  verdicts: Record<string, Verdict> = {},
  cpu: DeviceClass = { slots: 2, speeds: [stated] },
): Estimate {
  const verdictOf = ({ address }: PlanNode) => verdicts[address] ?? run;
  return estimate(plan.nodes, verdictOf, () => 'cpu', new Map([['cpu', cpu]]));
}

const flopsOf = (nodes: readonly PlanNode[]) => nodes.reduce((sum, node) => sum + allFlops(priceOf(node)), 0);
const near = (found: number | null, expected: number) =>
  assert.ok(found !== null && Math.abs(found - expected) <= 1e-9 * Math.abs(expected), `${found}, not ${expected}`);

describe('an estimate', () => {
  test('of a plan of which nothing is done: everything is left, and time follows from the stated speed', async () => {
    const plan = await planOfText(branching);
    const { left, unknown, done, elapsedSeconds, critical, slots } = priced(plan);
    assert.equal(allFlops(left.price), flopsOf(plan.nodes));
    near(left.seconds, flopsOf(plan.nodes) / 0.5e9);
    assert.deepEqual([unknown, done, [...slots]], [[], { flops: 0, seconds: 0 }, [['cpu', 2]]]);
    assert.equal(critical.by, 'seconds');
    assert.deepEqual(
      critical.nodes.map(({ type }) => type),
      ['tokenizer', 'pretrain', 'cpt', 'sft', 'rl', 'evaluate'],
    );
    near(
      critical.length,
      critical.nodes.reduce((sum, node) => sum + timeOn(node, stated)?.seconds, 0),
    );
    assert.ok(elapsedSeconds !== null && elapsedSeconds >= critical.length && elapsedSeconds < (left.seconds ?? 0));
  });

  test('tells what each engine has to do, and on which devices', async () => {
    const plan = await planOfText(lineage({ tuned: '{from: mid, data: math/problems, examples: 100, engine: trl}' }));
    const { engines, left } = priced(plan, { base: reuse, mid: resumeAt(1) });
    assert.deepEqual(
      engines.map(({ engine, device, nodes }) => [engine ?? 'descent', device, nodes]),
      [
        ['descent', 'cpu', plan.nodes.length - 2],
        ['trl', 'cpu', 1],
      ],
    );
    near(engines[1]?.flops ?? null, flopsOf([nodeAt(plan, 'tuned')]));
    near(
      engines.reduce((sum, { flops }) => sum + flops, 0),
      allFlops(left.price),
    );
    near(
      engines.reduce((sum, { seconds }) => sum + (seconds ?? Number.NaN), 0),
      left.seconds ?? Number.NaN,
    );
    const unknown = priced(plan, {}, { slots: 1, speeds: [] }).engines;
    assert.ok(unknown.every(({ seconds }) => seconds === null));
  });

  test('what is reused costs nothing, what resumes the part that its checkpoint lacks', async () => {
    const plan = await planOfText(branching);
    const { steps } = priceOf(nodeAt(plan, 'mid@replay=0%'));
    const { nodes, left, done, critical } = priced(plan, {
      'tokenizer:bytes': reuse,
      base: reuse,
      'mid@replay=0%': resumeAt(steps / 4),
      'mid@replay=20%': resumeAt(steps / 2),
    });
    const part = (address: string) => nodes.find(({ node }) => node.address === address)?.part;
    assert.deepEqual(
      [part('base'), part('mid@replay=0%'), part('mid@replay=20%'), part('rl@replay=0%')],
      [0, 0.75, 0.5, 1],
    );
    const whole = flopsOf(plan.nodes);
    const [base, mid] = [flopsOf([nodeAt(plan, 'base')]), flopsOf([nodeAt(plan, 'mid@replay=0%')])];
    near(done.flops, base + 0.75 * mid);
    near(allFlops(left.price), whole - base - 0.75 * mid);
    near(done.seconds, (base + 0.75 * mid) / 0.5e9);
    assert.equal(critical.nodes[0]?.address, 'mid@replay=0%', 'of what is left the longer');
  });

  test('left, what is done, and what sharing saves add up to what it would cost alone', async () => {
    const plan = await planOfText(branching);
    for (const verdicts of [{}, { base: reuse, 'mid@replay=0%': resumeAt(3) }]) {
      const { left, done, sharing, alone } = priced(plan, verdicts);
      near(allFlops(left.price) + done.flops + sharing.saved.flops, alone.flops);
      near((left.seconds ?? 0) + (done.seconds ?? 0) + sharing.saved.seconds, alone.seconds ?? 0);
      assert.equal(sharing.saved.flops, flopsOf([nodeAt(plan, 'base')]), 'base is trained once and not twice');
    }
  });

  test('one node at two addresses is done once', async () => {
    const rl = '{from: tuned, data: math/problems, examples: 64}';
    const plan = await planOfText(lineage({ rl: `${rl}}\n  again: {rl: ${rl}` }));
    const { nodes, left } = priced(plan);
    assert.equal(nodes.find(({ node }) => node.address === 'again')?.same?.address, 'rl');
    assert.equal(allFlops(left.price), flopsOf(plan.nodes.filter(({ address }) => address !== 'again')));
  });

  test('without any speed there are no hours, and the longest chain is that of operations', async () => {
    const plan = await planOfText(branching);
    const { left, elapsedSeconds, alone, unknown, critical } = priced(plan, {}, { slots: 2, speeds: [] });
    assert.deepEqual([left.seconds, elapsedSeconds, alone.seconds], [null, null, null]);
    assert.deepEqual(
      unknown.map(({ work, nodes }) => `${work} ${nodes}`),
      ['tokenizer 1', 'text 3', 'overlap 2', 'sft 2', 'heldout 4', 'problems 8', 'rl 2'],
    );
    assert.equal(critical.by, 'flops');
    assert.equal(critical.length, flopsOf(critical.nodes));
  });

  test('measured speed goes before stated, work by work, and what neither knows is named', async () => {
    const plan = await planOfText(branching);
    const measured: Speed = {
      kind: 'measured',
      measurements: [
        { work: 'text', parameters: 37_088, count: 1, flops: 1e9, tokens: 4096, seconds: 100, working: 100 },
      ],
    };
    const both = priced(plan, {}, { slots: 1, speeds: [measured, stated] });
    const from = (found: Estimate, address: string) => found.nodes.find(({ node }) => node.address === address)?.time;
    near(from(both, 'base')?.seconds ?? null, flopsOf([nodeAt(plan, 'base')]) / 1e7);
    assert.deepEqual([from(both, 'base')?.from, from(both, 'rl@replay=0%')?.from], ['measured', 'stated']);
    const part = priced(plan, {}, { slots: 1, speeds: [measured] });
    const trained = plan.nodes.filter(({ type }) => type === 'pretrain' || type === 'cpt');
    near(part.left.seconds, flopsOf(trained) / 1e7);
    assert.deepEqual(
      [part.alone.seconds, part.unknown.map(({ work }) => work)],
      [null, ['tokenizer', 'overlap', 'sft', 'heldout', 'problems', 'rl']],
    );
  });

  test('at most as many checkpoints lie about as there are slots, and published models stay', async () => {
    const plan = await planOfText(branching);
    const sizes = plan.nodes.map((node) => priceOf(node).bytes);
    const largest = sizes.map(({ checkpoints }) => checkpoints).sort((a, b) => b - a);
    for (const slots of [1, 3]) {
      const { disk } = priced(plan, {}, { slots, speeds: [] });
      assert.equal(
        disk.checkpoints,
        largest.slice(0, slots).reduce((sum, size) => sum + size, 0),
      );
      assert.equal(
        disk.published,
        sizes.reduce((sum, { published }) => sum + published, 0),
      );
    }
  });

  test('classes of devices work side by side, each with its own slots and speed', async () => {
    const plan = await planOfText(branching);
    const classOf = ({ type }: PlanNode) => (type === 'evaluate' ? 'cpu' : 'gpu');
    const classes = new Map<string, DeviceClass>([
      ['cpu', { slots: 1, speeds: [stated] }],
      ['gpu', { slots: 2, speeds: [{ kind: 'stated', peak: 1e12, utilisation: 0.5 }] }],
    ]);
    const { left, elapsedSeconds, slots } = estimate(plan.nodes, () => run, classOf, classes);
    const [evaluations, trainings] = [true, false].map((wanted) =>
      plan.nodes.filter(({ type }) => (type === 'evaluate') === wanted),
    ) as [PlanNode[], PlanNode[]];
    near(left.seconds, flopsOf(evaluations) / 0.5e9 + flopsOf(trainings) / 0.5e12);
    assert.ok(elapsedSeconds !== null && elapsedSeconds >= flopsOf(evaluations) / 0.5e9, 'the CPU is busy as long');
    assert.deepEqual([...slots].sort(), [
      ['cpu', 1],
      ['gpu', 2],
    ]);
  });

  test('of nothing is nothing', () => {
    const { left, elapsedSeconds, critical } = priced({ nodes: [] });
    assert.deepEqual([left.seconds, elapsedSeconds, critical.length], [0, 0, 0]);
  });
});
