import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import picocolors from 'picocolors';
import { renderChainDiff } from '../../cli/render/diff.ts';
import { changesBetween } from '../../planner/compare.ts';
import { diffNodes } from '../../planner/diff.ts';
import { partToDo } from '../../planner/estimate.ts';
import { drawTree } from '../../planner/graph.ts';
import type { Key, Plan, PlanNode } from '../../planner/plan.ts';
import { partLeft, priceOf, sumOfPrices } from '../../planner/price.ts';
import { reasonText } from '../../planner/reason.ts';
import { restrict, select } from '../../planner/select.ts';
import { savings, trunkSavings } from '../../planner/sharing.ts';
import { isBranch } from '../../planner/trunks.ts';
import { judge, type NodeState } from '../../planner/verdict.ts';
import { keysOf, lineage, nodeAt, planOfText } from './plans.ts';

const evaluate = '{each: [base, mid], suites: [heldout]}';
const wsd = (tokens: string, others = '') =>
  `{model: nano, data: web, batch: 512, tokens: ${tokens}, schedule: wsd, warmup: 5K${others}}`;
const budgets = (values: string, others = '', axes = '') =>
  lineage({ base: wsd('"{budget}"', others), axes: `{budget: [${values}]${axes}}`, evaluate });

const addresses = (plan: Plan, type: PlanNode['type']) =>
  plan.nodes.filter((node) => node.type === type).map(({ address }) => address);
const trunkOf = (plan: Plan, address: string) => {
  const node = nodeAt(plan, `${address}/trunk`);
  assert.ok(node.type === 'trunk');
  return node;
};

describe('runs under wsd are trunks and branches', () => {
  test('a trunk for each budget, the longer going on from the shorter, whatever the order of the axis', async () => {
    for (const values of ['40K, 80K, 160K', '160K, 40K, 80K']) {
      const plan = await planOfText(budgets(values));
      const trunks = ['40K', '80K', '160K'].map((budget) => trunkOf(plan, `base@budget=${budget}`));
      const branches = ['40K', '80K', '160K'].map((budget) => nodeAt(plan, `base@budget=${budget}`));
      assert.deepEqual(
        trunks.map(({ recipe }) => recipe.steps),
        [70, 140, 282],
      );
      assert.deepEqual(
        trunks.map(({ startsAt }) => startsAt),
        [undefined, 70, 140],
      );
      assert.deepEqual(
        branches.map(({ startsAt }) => startsAt),
        [70, 140, 282],
      );
      const tokenizer = nodeAt(plan, 'tokenizer:bytes').key;
      const keys = trunks.map(({ key }) => key);
      assert.deepEqual(
        trunks.map(({ parents }) => parents),
        [{ tokenizer }, { tokenizer, trunk: keys[0] }, { tokenizer, trunk: keys[1] }],
      );
      assert.deepEqual(
        branches.map(({ parents }) => parents.trunk),
        keys,
      );
      assertParentsFirst(plan);
    }
  });

  test('no key depends on what else is trained: another budget, or none, changes none', async () => {
    const alone = keysOf(await planOfText(budgets('80K')));
    const together = keysOf(await planOfText(budgets('40K, 80K, 160K')));
    for (const [address, key] of Object.entries(alone)) assert.equal(together[address], key, address);
  });

  test('the key of a branch is that of the whole run, and never that of another schedule', async () => {
    const plan = await planOfText(budgets('40K'));
    const node = nodeAt(plan, 'base@budget=40K');
    assert.deepEqual(node.preimage.parents, { tokenizer: nodeAt(plan, 'tokenizer:bytes').key });
    assert.ok(isBranch(node));
    assert.deepEqual([node.recipe.steps, node.recipe.warmupSteps, node.recipe.decaySteps], [78, 10, 8]);
    const keys = new Set<string>();
    for (const schedule of [
      'schedule: wsd, warmup: 5K',
      'schedule: cosine, warmup: 12.5%',
      'schedule: wsd, warmup: 6K',
    ])
      keys.add(
        keysOf(await planOfText(lineage({ base: `{model: nano, data: web, batch: 512, tokens: 40K, ${schedule}}` })))
          .base as string,
      );
    keys.add(keysOf(await planOfText(lineage({ base: wsd('40K', ', decay: 20%') }))).base as string);
    keys.add(keysOf(await planOfText(lineage({ base: wsd('40K', ', minLr: 0') }))).base as string);
    assert.equal(keys.size, 5);
  });

  test('what only the end depends on shares a trunk; what the beginning depends on does not', async () => {
    const trunks = async (others: string, axes: string) =>
      addresses(await planOfText(budgets('40K', others, axes)), 'trunk').length;
    assert.equal(await trunks(', minLr: "{end}"', ', end: [0, 1e-4]'), 1);
    assert.equal(await trunks(', lr: "{peak}"', ', peak: [1e-3, 2e-3]'), 2);
    assert.equal(await trunks('', ', seed: [1, 2]'), 2);
    assert.equal(await trunks(', decay: "{part}"', ', part: [10%, 20%]'), 2);
    const sooner = await planOfText(budgets('40K', ', decay: "{part}"', ', part: [10%, 20%]'));
    assert.deepEqual(
      sooner.nodes.filter(({ type }) => type === 'trunk').map(({ address, startsAt }) => [address, startsAt]),
      [
        ['base@budget=40K,part=20%/trunk', undefined],
        ['base@budget=40K,part=10%/trunk', 62],
      ],
    );
  });

  test('budgets with the same shares have the same weights, and counts that grow', async () => {
    const mix = lineage({
      base: '{model: nano, mix: {web: 2, math: 1}, batch: 512, tokens: "{budget}", schedule: wsd, warmup: 5K}',
      axes: '{budget: [40K, 80K]}',
    });
    const plan = await planOfText(mix);
    const [short, long] = [trunkOf(plan, 'base@budget=40K'), trunkOf(plan, 'base@budget=80K')];
    assert.deepEqual([...short.recipe.mix.map(({ weight }) => weight)].sort(), [1, 2]);
    assert.deepEqual(
      long.recipe.mix.map(({ weight }) => weight),
      short.recipe.mix.map(({ weight }) => weight),
    );
    for (const { recipe } of [short, long]) {
      const total = recipe.mix.reduce((sum, { sequences }) => sum + sequences, 0);
      assert.equal(total, recipe.steps * recipe.batchSequences);
      for (const { sequences, weight } of recipe.mix) assert.ok(Math.abs(sequences - (weight / 3) * total) < 1);
    }
    assert.equal(long.startsAt, short.recipe.steps);
    // Half of the mix and a fixed amount are other shares for each budget.
    const amounts = await planOfText(mix.replace('{web: 2, math: 1}', '{web: 1, math: 8K}'));
    assert.equal(trunkOf(amounts, 'base@budget=80K').startsAt, undefined);
  });

  test('continued pretraining has trunks of its own, with the parent and its replay', async () => {
    const plan = await planOfText(
      lineage({
        mid: '{from: base, tokens: "{more}", batch: 512, mix: {math: 1, replay: 20%}, schedule: wsd, warmup: 0, decay: 25%}',
        axes: '{more: [20K, 40K]}',
        evaluate,
      }),
    );
    const base = nodeAt(plan, 'base').key;
    const [short, long] = [trunkOf(plan, 'mid@more=20K'), trunkOf(plan, 'mid@more=40K')];
    assert.deepEqual([short.parents, short.preimage.parents], [{ parent: base }, { parent: base }]);
    assert.deepEqual(long.parents, { parent: base, trunk: short.key });
    assert.equal(short.recipe.architecture, undefined);
    assert.deepEqual(short.recipe.mix.map(({ name, weight }) => [name, weight]).sort(), [
      ['math', 4],
      ['replay:web', 1],
    ]);
    assert.deepEqual(nodeAt(plan, 'mid@more=40K').parents, { parent: base, trunk: long.key });
    assert.deepEqual(nodeAt(plan, 'tuned@more=40K').parents, { parent: nodeAt(plan, 'mid@more=40K').key });
    assertParentsFirst(plan);
  });

  test('signatures that differ in what they pretrain on share a trunk too', async () => {
    const plan = await planOfText(`lineage: named
models: {nano: {layers: 2, hidden: 32, heads: 4, ffn: 64, context: 64}}
data: {web: {generator: stories}, math: {generator: arithmetic}}
signatures: [nano-80KT, nano-160KT-0+20KT]
recipes:
  pretrain: {data: web, batch: 512, schedule: wsd, warmup: 5K, minLr: 3e-3}
  cpt: {data: math, batch: 512, allowUndecayed: recipes may say it too}
`);
    assert.equal(trunkOf(plan, 'nano-160KT').parents.trunk, trunkOf(plan, 'nano-80KT').key);
    assert.equal(nodeAt(plan, 'nano-160KT-0+20KT').settings.allowUndecayed, 'recipes may say it too');
  });

  test('the usual warm-up is a token for each parameter, the usual decay a tenth', async () => {
    const plan = await planOfText(
      lineage({ base: '{model: nano, data: web, batch: 512, tokens: 20x, schedule: wsd}' }),
    );
    const { settings } = nodeAt(plan, 'base');
    assert.equal(settings.warmupSteps, Math.round(Number(settings.parameters) / 512));
    assert.equal(settings.decaySteps, Math.round(Number(settings.steps) / 10));
    assert.deepEqual([settings.warmup, settings.schedule], [undefined, 'wsd']);
  });
});

describe('a plan with trunks', () => {
  test('prices each part once, and says what that saves against separate runs', async () => {
    const plan = await planOfText(budgets('40K, 80K, 160K'));
    const seconds = (node: PlanNode) => priceOf(node).steps;
    const pretraining = plan.nodes.filter(({ type }) => type === 'pretrain' || type === 'trunk');
    assert.deepEqual(
      pretraining.map((node) => priceOf(node).steps),
      [70, 8, 70, 16, 142, 31],
    );
    const cosine = await planOfText(budgets('40K, 80K, 160K').replace('schedule: wsd, warmup: 5K', 'schedule: cosine'));
    const apart = sumOfPrices(cosine.nodes.filter(({ type }) => type === 'pretrain').map(priceOf));
    const found = trunkSavings(plan, seconds) ?? assert.fail();
    assert.equal(found.runs, 3);
    assert.deepEqual(found.separate, {
      tokens: apart.tokens.trained,
      flops: apart.flops.training,
      seconds: 78 + 156 + 313,
    });
    assert.equal(found.branched.seconds, 282 + 8 + 16 + 31);
    assert.equal(found.saved.seconds, 70 + 140);
    assert.equal(found.saved.tokens, 210 * 512);
    assert.equal(trunkSavings(cosine, seconds), undefined);
    const one = await planOfText(budgets('40K'));
    assert.equal(trunkSavings(one, seconds)?.saved.tokens, 0);

    const part = (...names: string[]) =>
      trunkSavings(
        { nodes: plan.nodes.filter(({ address }) => names.includes(address.replace('base@budget=', ''))) },
        seconds,
      );
    assert.equal(part('40K', '80K'), undefined, 'what is not among the nodes is not saved');
    assert.equal(part('80K', '80K/trunk'), undefined);
    assert.equal(part('40K/trunk', '80K/trunk'), undefined);
    const short = part('40K', '40K/trunk', '80K/trunk', '160K');
    assert.deepEqual([short?.runs, short?.saved.seconds], [1, 0]);
  });

  test('counts a trunk once for each final model in what runs alone would take', async () => {
    const plan = await planOfText(budgets('40K, 80K'));
    const seconds = (node: PlanNode) => (node.type === 'pretrain' || node.type === 'trunk' ? priceOf(node).steps : 0);
    const { models, shared, alone } = savings(plan, seconds);
    assert.deepEqual([models, shared.seconds, alone.seconds], [2, 140 + 8 + 16, 78 + 156]);
  });

  test('publishes moments with a trunk, and has the part left of a branch from its checkpoint', async () => {
    const plan = await planOfText(budgets('40K'));
    const [trunk, branch] = [trunkOf(plan, 'base@budget=40K'), nodeAt(plan, 'base@budget=40K')];
    assert.equal(priceOf(trunk).bytes.published, 3 * priceOf(branch).bytes.published);
    assert.deepEqual([partLeft(branch, 70), partLeft(branch, 74), partLeft(branch, 78)], [1, 0.5, 0]);
  });

  test('is drawn with branches on trunks', async () => {
    const plan = await planOfText(
      budgets('40K, 80K')
        .replace(/^ {2}(mid|tuned|rl): .*\n/gm, '')
        .replace('[base, mid]', '[base]'),
    );
    assert.equal(
      drawTree(plan),
      `tokenizer:bytes
└─ base@budget=40K/trunk
   ├─ base@budget=40K  [heldout]
   └─ base@budget=80K/trunk
      └─ base@budget=80K  [heldout]`,
    );
  });

  test('is selected from: models by their stage, trunks by /trunk or their type', async () => {
    const plan = await planOfText(budgets('40K, 80K', '', ', seed: [1, 2]'));
    const chosen = (selector: string) => {
      const selected = select(plan, [selector], () => 'waiting');
      assert.ok(selected.ok, JSON.stringify(selected));
      return selected.nodes.map(({ address }) => address);
    };
    assert.equal(chosen('base').length, 4);
    assert.deepEqual(chosen('base@seed=1/trunk'), ['base@budget=40K,seed=1/trunk', 'base@budget=80K,seed=1/trunk']);
    assert.equal(chosen('type:trunk').length, 4);
    assert.ok(chosen('seed:2').includes('base@budget=40K,seed=2/trunk'));
    assert.ok(chosen('+base@budget=80K,seed=1').includes('base@budget=40K,seed=1/trunk'));
    assert.ok(!chosen('base/heldout').some((address) => address.endsWith('trunk')));
    assert.deepEqual(chosen('base/*'), chosen('base/heldout'), 'a trunk is no evaluation');
    const unevaluated = select(
      await planOfText(budgets('40K').replace('each: [base, mid]', 'each: [mid]')),
      ['base/*'],
      () => 'waiting',
    );
    assert.deepEqual(unevaluated.ok ? [] : unevaluated.problems.map(({ message, expected }) => [message, expected]), [
      ['`base` is not evaluated', 'mid'],
    ]);
  });

  test('cost in diff what the whole run does, so that it stands beside one under cosine', async () => {
    const one = await planOfText(lineage({ base: '{model: nano, data: web, batch: 512, tokens: 40K}', evaluate }));
    const other = await planOfText(lineage({ base: wsd('40K'), evaluate }));
    const colours = picocolors.createColors(false);
    const rows = (before: Plan, after: Plan) => {
      const found = diffNodes(
        { plan: before, node: nodeAt(before, 'base') },
        { plan: after, node: nodeAt(after, 'base') },
      );
      return renderChainDiff(found, colours);
    };
    const told = rows(one, other);
    const [, tokens, same, flops, also] = /^pretrain +base +base +(\S+) +(\S+) +(\S+) +(\S+)$/m.exec(told) ?? [];
    assert.deepEqual([tokens, same], ['39.9K', '39.9K'], told);
    assert.equal(flops, also, told);
    const two = await planOfText(budgets('40K, 80K'));
    const longer = diffNodes(
      { plan: one, node: nodeAt(one, 'base') },
      { plan: two, node: nodeAt(two, 'base@budget=80K') },
    );
    assert.match(renderChainDiff(longer, colours), /^pretrain +base +base@budget=80K +39\.9K +79\.9K /m);
  });

  test('names a change once, and goes on with what a longer budget shares', async () => {
    const [before, after] = [await planOfText(budgets('40K')), await planOfText(budgets('40K', ', lr: 2e-3'))];
    const at = (plan: Plan) => ({ plan, node: nodeAt(plan, 'base@budget=40K') });
    assert.deepEqual(changesBetween(at(before), at(after)), [
      { address: 'base@budget=40K', field: 'lr', before: 0.003, after: 0.002 },
    ]);
    const longer = await planOfText(budgets('40K, 80K'));
    const done = new Set(before.nodes.map(({ key }) => key));
    const verdicts = judge(longer, (key) =>
      done.has(key) ? { state: 'done', attempt: 1, finishedAt: '' } : { state: 'none' },
    );
    assert.equal(verdicts.get(trunkOf(longer, 'base@budget=40K').key)?.verdict, 'reuse');
    assert.equal(verdicts.get(trunkOf(longer, 'base@budget=80K').key)?.verdict, 'run');
  });
});

describe('a trunk that is not there', async () => {
  const plan = await planOfText(budgets('40K, 80K, 160K'));
  const [short, middle, long] = ['40K', '80K', '160K'].map((budget) => trunkOf(plan, `base@budget=${budget}`).key);
  const branch = (budget: string) => nodeAt(plan, `base@budget=${budget}`).key;
  const verdictsWhen = (keys: readonly string[], part = plan.nodes) => {
    const done = new Set(keys);
    const state = (key: Key): NodeState =>
      done.has(key) ? { state: 'done', attempt: 1, finishedAt: '2026-01-01' } : { state: 'none' };
    const verdicts = judge(plan, state, [], part);
    return [short, middle, long].map((key) => verdicts.get(key as Key)?.reason.kind);
  };

  test('is spared where all that goes on from it is done, directly or through a longer one', () => {
    const all = [branch('40K'), branch('80K'), branch('160K')];
    assert.deepEqual(verdictsWhen(all), ['spared', 'spared', 'spared']);
    assert.deepEqual(verdictsWhen(all.slice(0, 2)), ['new', 'new', 'new']);
    assert.deepEqual(verdictsWhen(all.slice(1)), ['new', 'spared', 'spared']);
    assert.deepEqual(verdictsWhen([...all.slice(0, 2), long as string]), ['spared', 'spared', 'done']);
    assert.deepEqual(verdictsWhen([]), ['new', 'new', 'new']);
    assert.deepEqual(verdictsWhen([...all, short as string]), ['done', 'spared', 'spared']);
  });

  test('is there for what is meant to run: where it was asked for itself, it runs', () => {
    const all = [branch('40K'), branch('80K'), branch('160K')];
    const needed = (address: string) => restrict(plan, [nodeAt(plan, address)]).nodes;
    assert.deepEqual(verdictsWhen(all, needed('base@budget=80K/trunk')), ['new', 'new', 'new']);
    assert.deepEqual(verdictsWhen(all.slice(0, 1), needed('base@budget=40K')), ['spared', 'new', 'new']);
  });

  test('needs no run, costs nothing, and says why', () => {
    const trunk = nodeAt(plan, 'base@budget=40K/trunk');
    const done: NodeState = { state: 'done', attempt: 1, finishedAt: '2026-01-01' };
    const verdict = judge(plan, (key) => (key === trunk.key ? { state: 'none' } : done)).get(trunk.key);
    assert.ok(verdict?.verdict === 'reuse');
    assert.equal(partToDo(trunk, verdict), 0);
    assert.equal(reasonText(trunk, verdict), 'not needed: all that goes on from it is done');
  });
});

describe('a parent that has not decayed', () => {
  const constant = '{model: nano, data: web, tokens: 40K, schedule: constant}';
  const mid = '{from: base, tokens: 20K, batch: 512, mix: {math: 1, replay: 20%}';

  test('is allowed with a reason, which is recorded and in no key', async () => {
    const allowed = (reason: string) =>
      planOfText(lineage({ base: constant, mid: `${mid}, allowUndecayed: ${reason}}` }));
    const [one, other] = [await allowed('the paper asks what it costs'), await allowed('for another reason')];
    assert.equal(nodeAt(one, 'mid').settings.allowUndecayed, 'the paper asks what it costs');
    assert.deepEqual(keysOf(one), keysOf(other));
  });

  test('is none where it ends under cosine or wsd, or is RL, which has no decay', async () => {
    const rl = '{from: tuned, data: math/problems, examples: 64}';
    await planOfText(lineage({ base: wsd('40K') }));
    await planOfText(lineage({ rl: `${rl}}\n  again: {rl: {from: rl, data: math/problems, examples: 64}` }));
  });
});

function assertParentsFirst({ nodes }: Plan): void {
  const before = new Set<string>();
  const seen = new Set<string>();
  for (const { key, address, parents } of nodes) {
    for (const [role, parent] of Object.entries(parents)) assert.ok(before.has(parent), `${role} of ${address}`);
    assert.ok(!seen.has(address), address);
    before.add(key);
    seen.add(address);
  }
}
