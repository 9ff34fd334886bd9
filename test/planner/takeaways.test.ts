import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { claimsOf } from '../../planner/claims.ts';
import { type Planned, planLineage } from '../../planner/expand.ts';
import { loadLineage } from '../../planner/load.ts';
import { axesApart, differencesBetween, figuresOf, metricName, pairArms } from '../../planner/takeaways.ts';
import { nodeAt, planningOf, planOfText } from './plans.ts';

const text = `lineage: claims
models:
  nano: {layers: 2, hidden: 32, heads: 4, ffn: 64, context: 64}
  micro: {layers: 3, hidden: 32, heads: 4, ffn: 64, context: 64}
data:
  web: {generator: stories}
  math: {generator: arithmetic}
stages:
  base: {pretrain: {model: "{model}", data: web, tokens: 40K, lr: "{lr}"}}
  mid: {cpt: {from: base, tokens: 20K, batch: 512, mix: {math: 1, replay: "{replay}"}}}
  tuned: {sft: {from: mid, data: math, examples: 100}}
  longer: {sft: {from: mid, data: math, examples: 100, epochs: 3}}
  direct: {sft: {from: base, data: math, examples: 100}}
  rl: {rl: {from: tuned, data: math, examples: 64}}
axes:
  model: [nano, micro]
  lr: [3e-3, 2e-3]
  replay: [0%, 5%, 20%]
  seed: {replicate: [1, 2]}
zip: [[model, lr]]
evaluate: {each: [base, tuned, longer, direct, rl], suites: [heldout, id]}
`;

async function planned(contrast: string, file = text): Promise<Planned> {
  const folder = await mkdtemp(join(tmpdir(), 'descent-takeaways-'));
  try {
    const path = join(folder, 'lineage.yaml');
    await writeFile(path, `${file}takeaways: [{claim: It helps., contrast: ${contrast}, metric: id.pass@1}]\n`);
    const loaded = await loadLineage(path);
    return loaded.ok ? await planLineage(loaded.lineage) : loaded;
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('the arms of a takeaway', () => {
  const fair: Readonly<Record<string, string>> = {
    'values of an axis, in every stage': '{axis: replay, of: 5%, over: 0%}',
    'values of an axis, in one stage': '{axis: replay, of: 20%, over: 0.0%, stage: rl}',
    'values that are numbers': '{axis: lr, of: 3e-3, over: 2e-3, also: [model]}',
    'what is zipped, as it is said': '{axis: model, of: micro, over: nano, also: [lr]}',
    'nodes of one stage': '{of: "tuned@replay=5%", over: "tuned@replay=0%"}',
    'a stage and the one it comes from': '{of: rl, over: tuned}',
    'a chain with a stage more': '{of: "tuned@replay=0%", over: direct}',
    'two stages that differ in one field': '{of: longer, over: tuned}',
  };
  for (const [name, contrast] of Object.entries(fair)) {
    it(`may be ${name}`, async () => {
      const found = await planned(contrast);
      assert.deepEqual(found.ok ? found.warnings : found.diagnostics, []);
    });
  }

  const unfair: Readonly<Record<string, [contrast: string, said: RegExp]>> = {
    'what is zipped, unsaid': [
      '{axis: model, of: micro, over: nano}',
      /differ in more than `model`: .*lr 3e-3 → 2e-3$/,
    ],
    'seeds alone': [
      '{axis: seed, of: 1, over: 2}',
      /`.*seed=1` and `.*seed=2` differ in `seed`, which models are repeated over: that is chance$/,
    ],
    'seeds alone, by address': ['{of: "rl@seed=1", over: "rl@seed=2"}', /differ in `seed`, which models are repeated/],
    'a longer chain with another stage': [
      '{of: "rl@replay=0%", over: longer}',
      /differ in 2 things: tuned@.*: epochs 3 → 1, the stage `rl`$/,
    ],
  };
  for (const [name, [contrast, said]] of Object.entries(unfair)) {
    it(`may not differ in ${name}`, async () => {
      const found = await planned(contrast);
      assert.equal(found.ok, false);
      const [first, ...others] = found.ok ? [] : found.diagnostics;
      assert.deepEqual(others, [], 'said once, not for each pair');
      assert.match(first?.message ?? '', said);
      assert.equal(first?.line, 22);
    });
  }

  it('are repeated alike: a seed of one is compared with the same of the other', async () => {
    const fixed = text.replace('lr: "{lr}"}}', 'lr: "{lr}", seed: 1}}');
    const found = await planned('{of: "tuned@replay=0%", over: base, also: [tuned]}', fixed);
    assert.deepEqual(found.ok ? [] : found.diagnostics.map(({ message, hint }) => [message, hint]), [
      [
        '`tuned@model=nano,lr=3e-3,replay=0%,seed=1` is repeated over `seed` and `base@model=nano,lr=3e-3` is not: no seed has both',
        'repeat both over `seed`, or neither',
      ],
    ]);
  });

  it('are models and not the trunks that these share', async () => {
    const underWsd = text
      .replace('tokens: 40K, lr: "{lr}"', 'batch: 512, tokens: "{budget}", schedule: wsd, warmup: 5K')
      .replace(/axes:[\s\S]*zip: .*\n/, 'axes: {model: [nano, micro], replay: [20%], budget: [40K, 80K]}\n');
    for (const contrast of ['{axis: budget, of: 80K, over: 40K}', '{of: "base@budget=80K", over: "base@budget=40K"}']) {
      const found = await planned(contrast, underWsd);
      assert.deepEqual(found.ok ? found.warnings : found.diagnostics, [], contrast);
    }
    const trunks = await planned('{of: "base@budget=80K/trunk", over: "base@budget=40K/trunk"}', underWsd);
    assert.deepEqual(
      trunks.ok ? [] : trunks.diagnostics.map(({ code, message }) => [code, message]),
      ['80K', '40K'].map((budget) => [
        'bad-takeaway',
        `\`base@budget=${budget}/trunk\` names no model that is evaluated`,
      ]),
    );
  });

  it('that are allowed what they do not need are told so', async () => {
    const found = await planned('{axis: replay, of: 5%, over: 0%, also: [lr, mix]}');
    assert.ok(found.ok);
    assert.deepEqual(
      found.warnings.map(({ message }) => message),
      ['the arms do not differ in `lr`'],
    );
  });

  it('of the language page are those of its example', async () => {
    const page = await readFile(new URL('../../../docs/lineage-file.md', import.meta.url), 'utf8');
    const blocks = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block]) => block ?? '');
    const [example, takeaways] = ['lineage:', 'takeaways:'].map((start) =>
      blocks.find((block) => block.startsWith(start)),
    );
    const { declared } = await planOfText(`${example}${takeaways}`);
    assert.equal(declared.takeaways?.length, 2);
  });

  it('are paired by all that they share', async () => {
    const plan = await planOfText(text);
    const of = plan.nodes.filter(
      ({ stage, type, axes }) => stage === 'tuned' && type === 'sft' && axes.replay === '5%',
    );
    const over = plan.nodes.filter(
      ({ stage, type, axes }) => stage === 'tuned' && type === 'sft' && axes.replay === '0%',
    );
    assert.deepEqual([...axesApart(of, over)], ['replay']);
    assert.deepEqual(
      pairArms(of, over.slice(1), axesApart(of, over)).map(({ of, over }) => [of.address, over.address]),
      ['lr=3e-3,replay={},seed=2', 'lr=2e-3,replay={},seed=1', 'lr=2e-3,replay={},seed=2'].map((setting, index) => {
        const model = index === 0 ? 'nano' : 'micro';
        return ['5%', '0%'].map((value) => `tuned@model=${model},${setting.replace('{}', value)}`);
      }),
    );
  });

  it('differ in what the file says, by the axis that it comes from', async () => {
    const plan = await planOfText(text);
    const [of, over] = [
      nodeAt(plan, 'tuned@model=micro,lr=2e-3,replay=5%,seed=1'),
      nodeAt(plan, 'tuned@model=nano,lr=3e-3,replay=0%,seed=2'),
    ];
    assert.deepEqual(
      differencesBetween(plan, { of, over })
        .map(({ factor, change }) => `${factor}: ${change?.field}`)
        .sort(),
      ['lr: lr', 'model: model', 'replay: mix.replay', 'seed: seed', 'seed: seed', 'seed: seed'],
    );
  });
});

describe('a trend', () => {
  const say = async (entry: string) => {
    const file = `${text}takeaways: [{claim: It matters., metric: id.pass@1, ${entry}}]\n`;
    const found = await planningOf(file);
    return found.ok ? found.warnings.map(({ message }) => message) : found.diagnostics.map(({ message }) => message);
  };
  const unfair: Readonly<Record<string, [entry: string, said: RegExp]>> = {
    'a contrast too': [
      'trend: {axis: replay, direction: up}, contrast: {axis: replay, of: 5%, over: 0%}',
      /has both a contrast and a trend/,
    ],
    'a test of contrasts': ['trend: {axis: replay, direction: up}, test: t', /`test` goes with `contrast`/],
    'no axis of that name': ['trend: {axis: replays, direction: up}', /there is no axis `replays`/],
    'no stage that varies over it': [
      'trend: {axis: replay, direction: up, stage: base}',
      /does not vary over `replay`/,
    ],
    'too few values': ['trend: {axis: lr, direction: up}', /`lr` has 2 values/],
    'no margin': ['trend: {axis: replay, direction: flat}', /`flat` needs a margin/],
    'a margin of nothing': [
      'trend: {axis: replay, direction: up, within: 0.1}',
      /`within` goes with `direction: flat`/,
    ],
    'a share of nothing': [
      'trend: {axis: replay, direction: up, share: 5%}',
      /`share` goes with `direction: saturates`/,
    ],
  };
  it('is of models that differ in its axis alone', async () => {
    assert.deepEqual(await say('trend: {axis: replay, direction: up}'), []);
    const zipped = await planningOf(
      `${text
        .replace('model: [nano, micro]', 'model: [nano, micro, nano]')
        .replace(
          'lr: [3e-3, 2e-3]',
          'lr: [3e-3, 2e-3, 1e-3]',
        )}takeaways: [{claim: It matters., metric: id.pass@1, trend: {axis: lr, direction: down}}]\n`,
    );
    assert.match(zipped.ok ? '' : (zipped.diagnostics[0]?.message ?? ''), /differ in more than `lr`: .*model/);
  });
  for (const [name, [entry, said]] of Object.entries(unfair))
    it(`may not have ${name}`, async () => {
      const [message, ...others] = await say(entry);
      assert.match(message ?? '', said);
      assert.deepEqual(others, []);
    });
  it('has its models in the order of the axis, and of a contrast both arms are alike in their settings', async () => {
    const claims = claimsOf(
      await planOfText(
        `${text}takeaways: [{claim: A., metric: [id.pass@1, heldout.web.loss], trend: {axis: replay, direction: saturates, share: 10%, stage: rl}, seeds: 2}, {claim: B., metric: id.pass@1, contrast: {of: rl, over: tuned}}]\n`.replace(
          'replay: [0%, 5%, 20%]',
          'replay: [0%, 20%, 5%, 40%]',
        ),
      ),
    );
    const [trend, contrast] = claims;
    assert.deepEqual(
      trend?.metrics.map(({ claimed }) => claimed),
      Array(2).fill({ kind: 'trend', direction: 'saturates', share: 0.1 }),
    );
    assert.deepEqual(
      trend?.models.slice(0, 4).map(({ x, seed, setting }) => [x, seed, setting]),
      [0, 0.05, 0.2, 0.4].map((x) => [x, 'seed=1', trend?.models[0]?.setting]),
    );
    assert.deepEqual([trend?.testing.seeds, contrast?.testing.seeds, contrast?.testing.alpha], [2, 3, 0.05]);
    const [of, over] = contrast?.models ?? [];
    assert.deepEqual([of?.x, over?.x, of?.setting === over?.setting], [1, 0, true]);
    assert.ok(of?.evaluations['id.pass@1'] && of.evaluations['id.pass@1'] !== over?.evaluations['id.pass@1']);
  });
});

describe('a metric', () => {
  it('is a suite, perhaps a task, and a figure', () => {
    assert.deepEqual(metricName('id.pass@1'), { suite: 'id', task: null, figure: 'pass@1' });
    assert.deepEqual(metricName('heldout.web.loss'), { suite: 'heldout', task: 'web', figure: 'loss' });
  });
  it('is among what its suite measures with so many samples', async () => {
    const plan = await planOfText(text);
    const recipe = (suite: string) => {
      const node = nodeAt(plan, `base@model=nano,lr=3e-3,seed=1/${suite}`);
      assert.ok(node.type === 'evaluate');
      return node.recipe;
    };
    assert.deepEqual(figuresOf(recipe('heldout')), ['loss', 'perplexity']);
    const atK = [2, 3, 4].flatMap((k) => [`pass@${k}`, `maj@${k}`]);
    const names = ['pass@1', 'pass@1(sampled)', ...atK, 'correctRatio', 'truncated'];
    assert.deepEqual(figuresOf(recipe('id')), names);
    assert.deepEqual(figuresOf({ ...recipe('id'), samples: 0 } as never), ['pass@1', 'truncated']);
  });
});
