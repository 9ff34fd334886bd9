import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { PlanNode } from '../../planner/plan.ts';
import { keysOf, lineage, nodeAt, planOfText } from './plans.ts';

const base = (others: string) => `{model: nano, data: web, tokens: 40K${others}}`;

describe('what decays', () => {
  test('is everything where nothing is said, as in EvoLM, and that is in no key', async () => {
    const plan = await planOfText(lineage());
    for (const address of ['base', 'mid', 'tuned']) {
      const { recipe, settings } = nodeAt(plan, address);
      assert.deepEqual([(recipe as { weightDecayOn?: string }).weightDecayOn, settings.weightDecayOn], ['all', 'all']);
    }
    const spelled = lineage({ base: base(', weightDecayOn: all') });
    assert.deepEqual(keysOf(await planOfText(spelled)), keysOf(plan));
  });

  test('is another recipe where it is said, also of a trunk', async () => {
    const [usual, plain] = [
      await planOfText(lineage()),
      await planOfText(lineage({ base: base(', weightDecayOn: matrices') })),
    ];
    assert.notEqual(nodeAt(usual, 'base').key, nodeAt(plain, 'base').key);
    const wsd = (others: string) =>
      planOfText(lineage({ base: base(`, batch: 512, schedule: wsd, warmup: 5K${others}`) }));
    const trunks = [nodeAt(await wsd(''), 'base/trunk'), nodeAt(await wsd(', weightDecayOn: matrices'), 'base/trunk')];
    assert.notEqual(trunks[0]?.key, trunks[1]?.key);
  });
});

describe('tokens', () => {
  const context = 64;
  const trainedOn = ({ recipe }: PlanNode) =>
    recipe as { steps: number; batchSequences: number; mix: { sequences: number }[] };

  test('are a whole number of steps, the nearest to what was asked for, and the mixture has exactly as many', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 20_000, max: 2_000_000 }),
        fc.integer({ min: context, max: 20_000 }),
        fc.integer({ min: 1, max: 99 }),
        async (tokens, batch, share) => {
          const mix = `{web: ${100 - share}%, math: ${share}%}`;
          const asked = `{model: nano, mix: ${mix}, tokens: ${tokens}, batch: ${batch}}`;
          const node = nodeAt(await planOfText(lineage({ base: asked })), 'base');
          const { steps, batchSequences, mix: entries } = trainedOn(node);
          const step = batchSequences * context;
          assert.equal(node.settings.tokens, steps * step);
          assert.ok(Math.abs(steps * step - tokens) <= step / 2);
          assert.ok(Math.abs(step - batch) <= context / 2);
          const counts = entries.map(({ sequences }) => sequences);
          assert.equal(
            counts.reduce((sum, count) => sum + count, 0),
            steps * batchSequences,
          );
          const math = counts.at(-1) as number;
          const shares = [share, 100 - share].map((part) => (part / 100) * steps * batchSequences);
          assert.ok(shares.some((exact) => Math.abs(math - exact) < 1));
        },
      ),
      { numRuns: 40 },
    );
  });
});
