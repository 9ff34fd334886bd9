import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Plan, PlanNode } from '../../planner/plan.ts';
import { priceOf, sumOfPrices } from '../../planner/price.ts';
import { savings } from '../../planner/sharing.ts';
import { lineage, nodeAt, planOfText } from './plans.ts';

const isTraining = ({ type }: PlanNode) => ['pretrain', 'cpt', 'sft', 'rl'].includes(type);

describe('savings', () => {
  /*
   * base ─▶ mid@replay=0% ─▶ tuned ─▶ rl
   *      └▶ mid@replay=20% ─▶ tuned ─▶ rl     two final models, one base
   */
  test('a node is shared by as many runs as there are final models of it', async () => {
    const plan = await planOfText(
      lineage({
        mid: '{from: base, tokens: 20K, batch: 512, mix: {math: 1, replay: "{replay}"}}',
        axes: '{replay: [0%, 20%]}',
      }),
    );
    const seconds = (node: PlanNode) => ({ pretrain: 100, cpt: 10, sft: 5, rl: 1 })[node.type as 'rl'];
    const { models, shared, alone, saved } = savings(plan, seconds);
    assert.equal(models, 2);
    assert.deepEqual([shared.seconds, alone.seconds, saved.seconds], [132, 232, 100]);
    const { tokens, flops } = priceOf(nodeAt(plan, 'base'));
    assert.deepEqual(saved, { tokens: tokens.trained, flops: flops.training, seconds: 100 });
    const trained = sumOfPrices(plan.nodes.filter(isTraining).map(priceOf));
    assert.equal(shared.tokens, trained.tokens.trained);
    assert.equal(shared.flops, trained.flops.training + trained.flops.inference);
  });

  test('a chain shares nothing, whether it is evaluated on the way or not', async () => {
    const plan = await planOfText(lineage({ evaluate: '{each: [base, mid, tuned, rl], suites: [id]}' }));
    const { models, shared, alone, saved } = savings(plan, () => 1);
    assert.equal(models, 1);
    assert.deepEqual(alone, shared);
    assert.deepEqual(saved, { tokens: 0, flops: 0, seconds: 0 });
  });

  test('a final model at two addresses would be two runs', async () => {
    const rl = '{from: tuned, data: math/problems, examples: 64}';
    const plan = await planOfText(lineage({ rl: `${rl}}\n  again: {rl: ${rl}` }));
    const { models, shared, alone } = savings(plan, () => 1);
    assert.deepEqual([models, shared.seconds, alone.seconds], [2, 4, 8]);
  });

  test('a trunk without a run that goes on from it is no model', async () => {
    const plan = await planOfText(
      lineage({ base: '{model: nano, data: web, tokens: 40K, schedule: wsd, warmup: 4K}' }),
    );
    const { models, shared, saved } = savings({ nodes: [nodeAt(plan, 'base/trunk')] }, () => 1);
    assert.deepEqual([models, shared.seconds, saved.seconds], [0, 1, 0]);
    assert.equal(savings({ nodes: [nodeAt(plan, 'base/trunk'), nodeAt(plan, 'base')] }, () => 1).models, 1);
  });

  test('is the sum over all chains, whatever the tree, and never negative', async () => {
    const [base, mid] = (await planOfText(lineage())).nodes.filter(isTraining) as [PlanNode, PlanNode];
    const tree = fc.array(fc.record({ parent: fc.nat(), seconds: fc.double({ min: 0, max: 1e6, noNaN: true }) }), {
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(tree, (drawn) => {
        const nodes = drawn.map(({ parent }, index) => {
          const key = `n${index}` as PlanNode['key'];
          const above = index === 0 ? {} : { parent: `n${parent % index}` as PlanNode['key'] };
          return { ...(index === 0 ? base : mid), key, address: key, parents: above };
        });
        const seconds = ({ address }: { address: string }) => drawn[Number(address.slice(1))]?.seconds as number;
        const { models, shared, alone, saved } = savings({ nodes } as unknown as Plan, seconds);
        const leaves = nodes.filter(({ key }) => !nodes.some(({ parents }) => parents.parent === key));
        assert.equal(models, leaves.length);
        const chains = leaves.flatMap((leaf) => {
          const chain = [leaf];
          for (let at: (typeof nodes)[number] | undefined = leaf; at?.parents.parent; ) {
            const above: PlanNode['key'] = at.parents.parent;
            at = nodes.find(({ key }) => key === above);
            if (at) chain.push(at);
          }
          return chain;
        });
        near(alone.seconds, total(chains.map(seconds)));
        near(alone.tokens, total(chains.map((node) => priceOf(node as PlanNode).tokens.trained)));
        near(shared.seconds, total(nodes.map(seconds)));
        for (const saving of Object.values(saved)) assert.ok(saving >= 0);
      }),
      { seed: 1, numRuns: 200 },
    );
  });
});

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function near(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= 1e-9 * Math.max(1, expected), `${actual} is not ${expected}`);
}
