import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { parameterCount } from '../../planner/architecture.ts';
import type { Plan, PlanNode } from '../../planner/plan.ts';
import { parameterShapes } from '../../schemas/llama.ts';
import type { Architecture } from '../../schemas/types/job.ts';
import { fixture, keysOf, lineage, nodeAt, planOf, planOfText } from './plans.ts';

const addresses = (plan: Plan) => plan.nodes.map((node) => node.address);
const training = (plan: Plan) => plan.nodes.filter((node) => ['pretrain', 'cpt', 'sft', 'rl'].includes(node.type));

/** The sequences of each entry of a node's mix, by name. */
function mixOf(node: PlanNode): Record<string, number> {
  assert.ok(node.type === 'pretrain' || node.type === 'cpt');
  return Object.fromEntries(node.recipe.mix.map((entry) => [entry.name, entry.sequences]));
}

describe('axes', () => {
  // base ── mid@replay ── tuned@replay,lr ── rl@replay,lr      all of them by seed; `side` goes from one variant of mid
  const text = lineage({
    mid: '{from: base, tokens: 20K, batch: 512, mix: {math: 1, replay: "{replay}"}}',
    tuned: '{from: mid, data: math/problems, examples: 100, lr: "{lr}"}',
    axes: '{replay: [0%, 20%], lr: [1e-5, 3e-5], seed: {replicate: [1, 2]}}',
    evaluate: '{each: [rl], suites: [id]}',
  }).replace(
    '  rl:',
    '  side: {sft: {from: "mid@replay=20%", data: math, examples: 50}}\n  own: {sft: {from: "mid@replay=20%,seed=2", data: math, examples: 50, seed: 9}}\n  rl:',
  );

  test('a stage has one node for each setting of the axes that it or a stage before it mentions', async () => {
    const plan = await planOfText(text);
    assert.deepEqual(
      addresses(plan).filter((address) => !address.startsWith('rl')),
      [
        'tokenizer:bytes',
        'base@seed=1',
        'base@seed=2',
        'mid@replay=0%,seed=1',
        'mid@replay=0%,seed=2',
        'mid@replay=20%,seed=1',
        'mid@replay=20%,seed=2',
        'overlap:tuned',
        'tuned@replay=0%,lr=1e-5,seed=1',
        'tuned@replay=0%,lr=1e-5,seed=2',
        'tuned@replay=0%,lr=3e-5,seed=1',
        'tuned@replay=0%,lr=3e-5,seed=2',
        'tuned@replay=20%,lr=1e-5,seed=1',
        'tuned@replay=20%,lr=1e-5,seed=2',
        'tuned@replay=20%,lr=3e-5,seed=1',
        'tuned@replay=20%,lr=3e-5,seed=2',
        'side@seed=1',
        'side@seed=2',
        'own',
        'overlap:rl',
      ],
    );
    assert.equal(addresses(plan).filter((address) => address.startsWith('rl')).length, 16, 'each with its evaluation');
  });

  test('a node starts from the variant of its parent with the same values', async () => {
    const plan = await planOfText(text);
    const parentOf = (address: string) =>
      plan.nodes.find((node) => node.key === nodeAt(plan, address).parents.parent)?.address;
    assert.equal(parentOf('mid@replay=20%,seed=2'), 'base@seed=2');
    assert.equal(parentOf('tuned@replay=20%,lr=3e-5,seed=1'), 'mid@replay=20%,seed=1');
    assert.equal(parentOf('rl@replay=0%,lr=1e-5,seed=2'), 'tuned@replay=0%,lr=1e-5,seed=2');
    assert.equal(parentOf('side@seed=2'), 'mid@replay=20%,seed=2');
    assert.equal(parentOf('own'), 'mid@replay=20%,seed=2');
    assert.equal(parentOf('rl@replay=0%,lr=1e-5,seed=2/id'), 'rl@replay=0%,lr=1e-5,seed=2');
  });

  test('values are kept as they are, and the axis of seeds is the seed', async () => {
    const plan = await planOfText(text);
    assert.deepEqual(plan.axes, {
      replay: { values: ['0%', '20%'], replicate: false },
      lr: { values: [1e-5, 3e-5], replicate: false },
      seed: { values: [1, 2], replicate: true },
    });
    const node = nodeAt(plan, 'tuned@replay=20%,lr=3e-5,seed=2');
    assert.deepEqual(node.axes, { replay: '20%', lr: 3e-5, seed: 2 });
    assert.equal(node.seed, 2);
    assert.ok(node.type === 'sft' && node.recipe.lr === 3e-5);
    assert.equal(nodeAt(plan, 'own').seed, 9, "the stage's own seed");
    assert.equal(nodeAt(plan, 'rl@replay=0%,lr=1e-5,seed=2/id').seed, 0, "an evaluation's own seed");
  });

  test('a list called seed, and replicates of another name, are seeds too', async () => {
    assert.equal(nodeAt(await planOfText(lineage({ axes: '{seed: [7, 8]}' })), 'rl@seed=8').seed, 8);
    assert.equal(nodeAt(await planOfText(lineage({ axes: '{run: {replicate: [7, 8]}}' })), 'rl@run=8').seed, 8);
  });

  test('an axis over models: what comes after has the shape of its ancestor', async () => {
    const plan = await planOf(fixture('everything.yaml'));
    assert.equal(nodeAt(plan, 'mid@model=small,tokens=20K,again=1').architecture?.hidden, 32);
    assert.equal(nodeAt(plan, 'mid@model=large,tokens=20K,again=1').architecture?.hidden, 64);
    assert.equal(nodeAt(plan, 'rl@again=1').architecture?.hidden, 64);
    assert.equal(nodeAt(plan, 'rl@again=1/id').architecture?.vocab, 257);
  });

  test('a variant is found by what its value means', async () => {
    const [spelled, meant] = [text, text.replace('"mid@replay=20%"', '"mid@replay=20.0%"')];
    assert.deepEqual(keysOf(await planOfText(meant)), keysOf(await planOfText(spelled)));
  });
});

describe('a plan', () => {
  test('has parents first, unique addresses, and keys of its own nodes only', async () => {
    for (const name of ['everything.yaml', 'minimal.yaml', 'replay.yaml']) {
      const plan = await planOf(fixture(name));
      const seen = new Set<string>();
      for (const node of plan.nodes) {
        for (const key of Object.values(node.parents))
          assert.ok(seen.has(key), `${name}: ${node.address} before its parent`);
        seen.add(node.key);
      }
      assert.equal(new Set(addresses(plan)).size, plan.nodes.length);
    }
  });

  test('is the same each time', async () => {
    assert.deepEqual(await planOf(fixture('everything.yaml')), await planOf(fixture('everything.yaml')));
  });

  test('is in declared order, parents first, in whatever order stages stand', async () => {
    const lines = lineage().split('\n');
    const at = lines.findIndex((line) => line.startsWith('  base:'));
    const stages = lines.splice(at, 4);
    const turned = [...lines.slice(0, at), ...stages.reverse(), ...lines.slice(at)].join('\n');
    const plan = await planOfText(turned);
    assert.deepEqual(
      training(plan).map((node) => node.address),
      ['base', 'mid', 'tuned', 'rl'],
    );
    assert.deepEqual(keysOf(plan), keysOf(await planOfText(lineage())));
  });

  test('says what the lineage is called, what it asks, and where its file lies', async () => {
    const { lineage: name, title, file, plan } = await planOf(fixture('everything.yaml'));
    assert.deepEqual(
      [name, title, file, plan],
      ['everything', 'Every part of the language: once', fixture('everything.yaml'), 1],
    );
    assert.equal((await planOf(fixture('minimal.yaml'))).title, null);
  });

  test('is JSON', async () => {
    const plan = await planOf(fixture('everything.yaml'));
    assert.deepEqual(JSON.parse(JSON.stringify(plan)), plan);
  });

  test('takes names that are also methods of objects', async () => {
    const text = lineage()
      .replaceAll('web', 'constructor')
      .replaceAll('math', 'toString')
      .replaceAll('nano', 'hasOwnProperty')
      .replaceAll('base', 'valueOf');
    assert.equal(training(await planOfText(text)).length, 4);
  });
});

describe('steps and mixtures', () => {
  const base = async (recipe: string, rest = '') => nodeAt(await planOfText(lineage({ base: recipe, rest })), 'base');

  test('steps are tokens over the tokens of a batch, to the nearest', async () => {
    // the model's context is 64
    const cases: [string, number, number][] = [
      ['tokens: 40K', 32, 20], // 40,000 / 2,048 = 19.53
      ['tokens: 40K, batch: 512', 8, 78], // 78.125
      ['tokens: 5120, batch: 1024', 16, 5],
      ['tokens: 5632, batch: 1024', 16, 6], // 5.5: halves go up
      ['tokens: 2048', 32, 1],
      ['tokens: 40K, batch: 100', 2, 313], // 1.5625 sequences are 2; 312.5 steps are 313
      ['tokens: 2x, batch: 512', 8, 145],
    ];
    for (const [recipe, batchSequences, steps] of cases) {
      const node = await base(`{model: nano, data: web, ${recipe}}`);
      assert.ok(node.type === 'pretrain');
      assert.deepEqual([node.recipe.batchSequences, node.recipe.steps], [batchSequences, steps], recipe);
      assert.deepEqual(mixOf(node), { web: batchSequences * steps });
      assert.equal(node.settings.tokens, batchSequences * steps * 64);
    }
  });

  test('a token a parameter counts all parameters', async () => {
    const node = await base('{model: nano, data: web, tokens: 2x, batch: 512}');
    assert.ok(node.architecture);
    assert.equal(parameterCount(node.architecture), 37_088);
    assert.equal(node.settings.parameters, 37_088);
    assert.equal(Math.round((2 * 37_088) / 512), 145);
  });

  test('weights share what percentages and amounts leave, exact to the sequence', async () => {
    const data = '  web: {generator: stories}\n  math: {generator: arithmetic}\n  more: {generator: stories, seed: 1}';
    const plan = await planOfText(
      lineage({ data, base: '{model: nano, tokens: 64000, batch: 640, mix: {web: 25%, math: 16K, more: 1}}' }),
    );
    assert.deepEqual(mixOf(nodeAt(plan, 'base')), { web: 250, math: 250, more: 500 });
    const thirds = await planOfText(
      lineage({ data, base: '{model: nano, tokens: 64000, batch: 640, mix: {web: 1, math: 1, more: 1}}' }),
    );
    const counts = Object.values(mixOf(nodeAt(thirds, 'base')));
    assert.deepEqual(counts.toSorted(), [333, 333, 334]);
  });

  test('replay is the data of the ancestor in the proportions in which it saw them', async () => {
    const data = '  web: {generator: stories}\n  math: {generator: arithmetic}\n  more: {generator: stories, seed: 1}';
    const pretrain = '{model: nano, tokens: 64000, batch: 640, mix: {web: 3, more: 1}}';
    const cpt = (share: string) => `{from: base, tokens: 25600, batch: 640, mix: {math: 1, replay: ${share}}}`;
    const mid = async (share: string) =>
      mixOf(nodeAt(await planOfText(lineage({ data, base: pretrain, mid: cpt(share) })), 'mid'));
    assert.deepEqual(await mid('20%'), { math: 320, 'replay:web': 60, 'replay:more': 20 });
    assert.deepEqual(
      await mid('5% of pretrain'),
      { math: 350, 'replay:web': 37, 'replay:more': 13 },
      '5% of 1,000 sequences, 37.5 and 12.5',
    );
    assert.deepEqual(await mid('6.4K'), {
      math: 300,
      'replay:web': 75,
      'replay:more': 25,
    });
    assert.deepEqual(await mid('1'), { math: 200, 'replay:web': 150, 'replay:more': 50 });
    assert.deepEqual(await mid('0%'), { math: 400 });
  });

  test('replay reaches through stages between: the data of the pretraining, not of the parent', async () => {
    const text = lineage().replace(
      '  tuned:',
      '  again: {cpt: {from: mid, tokens: 20K, batch: 512, mix: {math: 1, replay: 50%}}}\n  tuned:',
    );
    assert.deepEqual(mixOf(nodeAt(await planOfText(text), 'again')), { math: 156, 'replay:web': 156 });
  });

  test('settings say what was asked for and what it came to', async () => {
    const plan = await planOf(fixture('replay.yaml'));
    const { settings } = nodeAt(plan, 'mid@replay=5%,seed=1');
    assert.equal(settings.replayShare, 0.05);
    assert.equal(settings.replayTokens, 390 * 128, '5 % of 7,808 sequences are 390.4');
    assert.equal(settings.tokens, 244 * 32 * 128);
    assert.equal(settings.lr, 3e-3);
    assert.equal(settings.minLr, 3e-4);
    assert.equal(settings.seed, 1);
    const rl = nodeAt(plan, 'rl@replay=5%,seed=1').settings;
    assert.deepEqual([rl.examples, rl.epochs, rl.data, rl.criticLr, rl.algorithm], [2000, 2, 'math', 1e-3, 'ppo']);
    for (const node of plan.nodes)
      for (const value of Object.values(node.settings)) assert.notEqual(typeof value, 'object');
  });
});

describe('tokenizers, data and evaluations', () => {
  test('without a tokenizer there is one of bytes', async () => {
    const plan = await planOf(fixture('minimal.yaml'));
    const [tokenizer, base] = plan.nodes;
    assert.equal(tokenizer?.address, 'tokenizer:bytes');
    assert.deepEqual(base?.parents, { tokenizer: tokenizer?.key });
    assert.equal(base?.architecture?.vocab, 257);
  });

  test('only what is used becomes a node', async () => {
    const text = lineage({
      data: '  web: {generator: stories}\n  math: {generator: arithmetic}\n  spare: {generator: tables}',
      rest: 'tokenizers: {words: {bpe: {vocab: 300, data: [web]}}, spare: {bpe: {vocab: 400, data: [web]}}}',
      model: '{layers: 2, hidden: 32, heads: 4, ffn: 64, context: 64, tokenizer: words}',
    });
    assert.deepEqual(
      addresses(await planOfText(text)).filter((address) => address.includes(':')),
      ['tokenizer:words', 'overlap:tuned', 'overlap:rl'],
    );
  });

  test('file data are nodes with the digests of their contents, and the roles of their children', async () => {
    const plan = await planOf(fixture('everything.yaml'));
    const mill = nodeAt(plan, 'data:mill');
    assert.ok(mill.type === 'data' && 'digests' in mill.recipe);
    assert.equal(mill.recipe.digests.length, 2);
    assert.deepEqual(
      mill.files,
      [fixture('corpus/more/two.txt'), fixture('corpus/one.txt')],
      'in the order of their names',
    );
    assert.ok('heldout' in mill.recipe && mill.recipe.heldout === 0.5);
    assert.equal(nodeAt(plan, 'base@model=small,tokens=20K,again=1').parents['data:mill'], mill.key);
    assert.equal(nodeAt(plan, 'tokenizer:words').parents['data:mill'], mill.key);
    const asked = nodeAt(plan, 'data:asked');
    assert.ok(asked.type === 'data' && 'format' in asked.recipe && 'columns' in asked.recipe);
    assert.equal(asked.recipe.format, 'jsonl');
    assert.deepEqual(asked.recipe.columns, {
      text: 'text',
      prompt: 'prompt',
      answer: 'answer',
      solution: 'solution',
      chosen: 'chosen',
      rejected: 'rejected',
    });
    assert.deepEqual(Object.keys(nodeAt(plan, 'taught@tokens=20K,again=1').parents), ['parent', 'data:asked']);
  });

  test('each suite asks what it says it asks', async () => {
    const plan = await planOf(fixture('everything.yaml'));
    const recipe = (suite: string) => {
      const node = nodeAt(plan, `rl@again=1/${suite}`);
      return node.type === 'evaluate' ? node.recipe : assert.fail();
    };
    const [heldout, id, ood] = [recipe('heldout'), recipe('id'), recipe('ood')];
    assert.ok(heldout.kind === 'heldout' && id.kind === 'problems' && ood.kind === 'problems');
    assert.deepEqual(
      heldout.domains.map(({ name, part }) => `${name}/${part}`),
      ['mill/text', 'sums/text', 'web/text'],
    );
    assert.equal(heldout.tokens, 2000);
    assert.deepEqual(
      id.tasks.map(({ name, part }) => `${name}/${part}`),
      ['asked/problems', 'sums/problems'],
    );
    assert.deepEqual(
      ood.tasks.map(({ name }) => name),
      ['boardgame', 'programs', 'strategy', 'tables'],
    );
    assert.deepEqual([id.problems, id.samples, id.temperature, id.maxResponse], [50, 2, 0.7, 20]);
    assert.equal(nodeAt(plan, 'rl@again=1/id').seed, 5);
  });

  test('problems that a stage learns from are not out of domain', async () => {
    const text = lineage({
      rl: '{from: tuned, data: tables, examples: 64}',
      data: '  web: {generator: stories}\n  math: {generator: arithmetic}\n  tables: {generator: tables}',
    });
    const node = nodeAt(await planOfText(text), 'rl/ood');
    assert.ok(node.type === 'evaluate' && node.recipe.kind === 'problems');
    assert.deepEqual(
      node.recipe.tasks.map((task) => task.name),
      ['boardgame', 'programs', 'strategy'],
    );
  });

  test('placement: a stage’s own fields, then the default’s, then Descent’s', async () => {
    const plan = await planOf(fixture('everything.yaml'));
    assert.deepEqual(nodeAt(plan, 'rl@again=1').placement, {
      device: 'gpu',
      checkpointEvery: 10,
      timeoutSeconds: 129_600,
    });
    assert.deepEqual(nodeAt(plan, 'rl@again=1/id').placement.device, 'gpu');
    assert.deepEqual(nodeAt(plan, 'taught@tokens=20K,again=1').placement, {
      device: 'cpu',
      checkpointEvery: 0,
      timeoutSeconds: 43_200,
    });
    assert.deepEqual(nodeAt(await planOf(fixture('minimal.yaml')), 'base').placement, {
      device: 'auto',
      checkpointEvery: 0,
      timeoutSeconds: 2_592_000,
    });
  });
});

// Of the paper's Table 5 and of its code (litgpt/config.py), with the two that its family comes from.
describe('parameters of the architectures of the paper', () => {
  const sizes: [string, number, Pick<Architecture, 'layers' | 'hidden' | 'ffn'> & { heads?: number }][] = [
    ['myllama-125M', 125_258_496, { layers: 12, hidden: 768, ffn: 2176 }],
    ['myllama-250M', 250_381_312, { layers: 16, hidden: 1024, ffn: 2992 }],
    ['0.5B', 500_921_856, { layers: 20, hidden: 1536, ffn: 3216 }],
    ['1B', 1_000_564_736, { layers: 22, hidden: 2048, ffn: 4896 }],
    ['myllama-2B', 2_001_694_464, { layers: 26, hidden: 2816, ffn: 6180 }],
    ['4B', 4_000_288_768, { layers: 28, hidden: 4096, ffn: 7792 }],
    ['TinyLlama-1.1B', 1_100_048_384, { layers: 22, hidden: 2048, ffn: 5632 }],
    ['MicroLlama-300M', 304_636_928, { layers: 12, hidden: 1024, ffn: 5632, heads: 16 }],
  ];
  for (const [name, parameters, shape] of sizes) {
    test(`of ${name} are ${parameters.toLocaleString('en')}, as many as its tensors hold`, () => {
      const rest = { kvHeads: 4, vocab: 32_000, context: 2048, ropeTheta: 10_000, normEpsilon: 1e-5 };
      const architecture = { heads: 32, ...shape, ...rest };
      assert.equal(parameterCount(architecture), parameters);
      const tensors = Object.values(parameterShapes(architecture)).map((lengths) => lengths.reduce((a, b) => a * b, 1));
      assert.equal(
        tensors.reduce((sum, size) => sum + size, 0),
        parameters,
      );
    });
  }
});

test('a plan of 7,502 nodes has them all, each once', async () => {
  const seeds = Array.from({ length: 250 }, (_, index) => index);
  const text = (await readFile(fixture('replay.yaml'), 'utf8')).replace('[1, 2, 3]', `[${seeds}]`);
  const plan = await planOfText(text.replace('heldout, id, ood', 'heldout, id'));
  assert.equal(plan.nodes.length, 1 + 250 * 10 * 3 + 2);
});
