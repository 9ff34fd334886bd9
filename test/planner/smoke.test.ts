import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { keyOf } from '../../planner/key.ts';
import type { Plan, PlanNode } from '../../planner/plan.ts';
import { smokePlan } from '../../planner/smoke.ts';
import { lineage, nodeAt, planOf, planOfText } from './plans.ts';

const lineages = ['quickstart', 'algorithms', 'preferences', 'table3', 'laptop', 'evolm'];

describe('a plan at toy size', () => {
  for (const name of lineages)
    test(`has every node and edge of ${name}.yaml`, async () => {
      const plan = await planOf(fileURLToPath(new URL(`../../../lineage/${name}.yaml`, import.meta.url)));
      const small = smallOf(plan);
      assert.deepEqual(edgesOf(small), edgesOf(plan));
      for (const { key, preimage } of small.nodes) assert.equal(key, keyOf(preimage));
      const real = new Map(plan.nodes.map(({ address, key }) => [address, key]));
      const toys = new Map(small.nodes.map(({ address, key }) => [address, key]));
      for (const [address, key] of toys) assert.notEqual(key, real.get(address), `${address} is another artifact`);
      assert.deepEqual(
        shared(toys, trained(small)),
        shared(real, trained(plan)),
        'what is trained once, and what apart',
      );
    });

  test('is the same each time, and another where the lineage is', async () => {
    const keys = async (text: string) => smallOf(await planOfText(text)).nodes.map(({ key }) => key);
    const once = await keys(lineage());
    assert.deepEqual(await keys(lineage()), once);
    assert.notDeepEqual(await keys(lineage({ tuned: '{from: mid, data: math/problems, examples: 101}' })), once);
  });

  test('keeps what a recipe does, and cuts how much', async () => {
    const plan = await planOfText(
      lineage({
        base: '{model: nano, data: web, tokens: 400K, schedule: wsd, warmup: 20K, lr: 2e-3}',
        tuned: '{from: mid, data: math/problems, examples: 100, engine: trl}',
        rl: '{from: tuned, data: math/problems, algorithm: dapo, examples: 128, batch: 32, responses: 8}',
      }),
    );
    const small = smallOf(plan);
    const [base, mid, tuned, rl] = ['base', 'mid', 'tuned', 'rl'].map((address) => nodeAt(small, address).recipe);
    assert.deepEqual(pick(base as object, ['schedule', 'lr']), { schedule: 'wsd', lr: 0.002 });
    assert.equal((tuned as { engine?: string }).engine, 'trl');
    assert.equal((rl as { algorithm: string }).algorithm, 'dapo');
    assert.deepEqual(pick(rl as object, ['examples', 'batch', 'responses', 'miniBatch', 'dynamicSampling']), {
      examples: 8,
      batch: 4,
      responses: 2,
      miniBatch: 8,
      dynamicSampling: false,
    });
    const { settings } = nodeAt(small, 'tuned');
    assert.deepEqual([settings.examples, settings.engine], [8, 'trl'], 'tables show the toy');
    const { steps, batchSequences, mix } = mid as {
      steps: number;
      batchSequences: number;
      mix: { sequences: number }[];
    };
    assert.equal(
      mix.reduce((sum, { sequences }) => sum + sequences, 0),
      steps * batchSequences,
      'shares are exact',
    );
  });

  test('has half of what models answer from the data, so that filters and pairs have something to keep', async () => {
    const plan = await planOf(fileURLToPath(new URL('../../../lineage/preferences.yaml', import.meta.url)));
    const recipeOf = (of: Plan, address: string) => nodeAt(of, address).recipe as object;
    assert.equal('toy' in recipeOf(plan, 'answers'), false);
    const small = smallOf(plan);
    assert.deepEqual(pick(recipeOf(small, 'answers'), ['problems', 'samples', 'toy']), {
      problems: 16,
      samples: 4,
      toy: true,
    });
    assert.deepEqual(recipeOf(small, 'pairs'), recipeOf(plan, 'pairs'), 'what filters is what filters in earnest');
  });

  test('is refused where nothing can stand for what is on the Hub', async () => {
    const data = `  web: {generator: stories}
  math: {generator: arithmetic}
  liked: {hub: some/pairs, revision: unpinned, files: "**", columns: {prompt: p, chosen: c, rejected: r}}`;
    const rest = '  kept: {dpo: {from: tuned, data: liked/preferences, examples: 10}}\n';
    const smoke = smokePlan(await planOfText(lineage({ data }).replace('stages:\n', `stages:\n${rest}`)));
    assert.ok(!smoke.ok);
    assert.match(smoke.message, /^kept learns from preferences that are on the Hugging Face Hub/);
  });
});

function smallOf(plan: Plan): Plan {
  const smoke = smokePlan(plan);
  return smoke.ok ? smoke.plan : assert.fail(smoke.message);
}

/** What each node needs, by address and role, but for trunks and for data sets of the Hub, which toys have otherwise. */
function edgesOf({ nodes }: Plan): Record<string, Record<string, string>> {
  const left = nodes.filter((node) => node.type !== 'trunk' && !isOnHub(node));
  const addresses = new Map(left.map(({ key, address }) => [key, address]));
  return Object.fromEntries(
    left.map(({ address, parents, gates }) => [
      address,
      Object.fromEntries(
        Object.entries({ ...parents, ...gates })
          .filter(([role, key]) => role !== 'trunk' && addresses.has(key))
          .map(([role, key]) => [role, addresses.get(key) as string]),
      ),
    ]),
  );
}

function isOnHub(node: PlanNode): boolean {
  return node.type === 'data' && 'hub' in node.recipe;
}

/** Addresses of what is trained or made. */
function trained({ nodes }: Plan): string[] {
  const kinds: PlanNode['type'][] = ['pretrain', 'cpt', 'sft', 'dpo', 'rl', 'reward', 'generate'];
  return nodes.filter(({ type }) => kinds.includes(type)).map(({ address }) => address);
}

/** Addresses that have a key together. */
function shared(keys: ReadonlyMap<string, string>, addresses: readonly string[]): string[][] {
  const byKey = new Map<string, string[]>();
  for (const address of addresses) {
    const key = keys.get(address) as string;
    byKey.set(key, [...(byKey.get(key) ?? []), address]);
  }
  return [...byKey.values()].map((group) => group.sort()).sort((a, b) => ((a[0] ?? '') < (b[0] ?? '') ? -1 : 1));
}

function pick(recipe: object, names: readonly string[]): object {
  return Object.fromEntries(Object.entries(recipe).filter(([name]) => names.includes(name)));
}
