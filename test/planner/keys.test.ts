import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import canonicalizeModule from 'canonicalize';
import { canonicalJson, keyOf, planDigest } from '../../planner/key.ts';
import type { Json, Placement, Task } from '../../planner/plan.ts';
import { withoutDefaults } from '../../planner/usual.ts';
import { fixture, keysOf, lineage, nodeAt, planOf, planOfText } from './plans.ts';

// Keys are forever: what was trained under one is found again by it. UPDATE_GOLDEN=1 writes golden.json anew, which is
// only right where a version in schemas/catalogue.ts was bumped, or a fixture changed.
const golden = new URL('../../../test/planner/golden.json', import.meta.url);
const fixtures = ['everything.yaml', 'minimal.yaml', 'replay.yaml', 'trunks.yaml'];

test('golden keys: the same files have the keys that they always had', async () => {
  const keys: Record<string, Record<string, string>> = {};
  for (const name of fixtures) keys[name] = keysOf(await planOf(fixture(name)));
  if (process.env.UPDATE_GOLDEN) await writeFile(golden, `${JSON.stringify(keys, null, 2)}\n`);
  assert.deepEqual(keys, JSON.parse(await readFile(golden, 'utf8')));
});

test('a key is the SHA-256 of the canonical pre-image, which begins with what it is', async () => {
  const canonicalize = canonicalizeModule as unknown as (value: unknown) => string;
  for (const node of (await planOf(fixture('everything.yaml'))).nodes) {
    assert.equal(node.key, createHash('sha256').update(canonicalize(node.preimage)).digest('hex'));
    assert.equal(node.preimage.descent, 'node');
    assert.equal(node.preimage.type, node.type);
  }
});

describe('placement never reaches a key', () => {
  test('by its type: no field of a task is called as one of placement', () => {
    type Deep<T> = T extends readonly (infer Item)[] ? Deep<Item> : T extends object ? Named<T> : never;
    type Named<T> = { [K in keyof T & string]: (string extends K ? never : K) | Deep<T[K]> }[keyof T & string];
    type Shared = Extract<keyof Placement | 'path' | 'files' | 'device' | 'queue' | 'timeout', Deep<Task>>;
    const shared: [Shared] extends [never] ? 'nothing' : Shared = 'nothing';
    assert.equal(shared, 'nothing');
  });

  test('every field of it varied, in every place: equal keys', async () => {
    const keys = keysOf(await planOfText(lineage()));
    for (const field of ['device: gpu', 'device: tpu-v5', 'checkpointEvery: 7', 'timeout: 5m']) {
      for (const stage of ['default', 'base', 'mid', 'tuned', 'rl']) {
        const plan = await planOfText(lineage({ rest: `placement: {${stage}: {${field}}}` }));
        assert.deepEqual(keysOf(plan), keys, `${stage}: ${field}`);
        if (stage !== 'default')
          assert.notDeepEqual(nodeAt(plan, stage).placement, nodeAt(plan, stage === 'rl' ? 'base' : 'rl').placement);
      }
    }
  });

  test('another folder, another file name, the same data: equal keys', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'descent keys '));
    try {
      await cp(fixture(''), folder, { recursive: true });
      await cp(join(folder, 'everything.yaml'), join(folder, 'renamed.yml'));
      const [there, here] = [await planOf(join(folder, 'renamed.yml')), await planOf(fixture('everything.yaml'))];
      assert.deepEqual(keysOf(there), keysOf(here));
      assert.notDeepEqual(nodeAt(there, 'data:mill').files, nodeAt(here, 'data:mill').files);
      await rename(join(folder, 'corpus', 'one.txt'), join(folder, 'corpus', 'a.txt'));
      assert.deepEqual(keysOf(await planOf(join(folder, 'everything.yaml'))), keysOf(here), 'names in another order');
      await rename(join(folder, 'corpus', 'a.txt'), join(folder, 'corpus', 'one.txt'));
      await writeFile(join(folder, 'corpus', 'one.txt'), 'Another river.\n');
      const changed = await planOf(join(folder, 'everything.yaml'));
      assert.notEqual(nodeAt(changed, 'data:mill').key, nodeAt(here, 'data:mill').key, 'other bytes are other data');
      assert.notEqual(
        nodeAt(changed, 'base@model=small,tokens=20K,again=1').key,
        nodeAt(here, 'base@model=small,tokens=20K,again=1').key,
      );
      assert.equal(nodeAt(changed, 'tokenizer:letters').key, nodeAt(here, 'tokenizer:letters').key);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('one meaning, one key', () => {
  const same: Record<string, [Parameters<typeof lineage>[0], Parameters<typeof lineage>[0]]> = {
    units: [{ base: '{model: nano, data: web, tokens: 40K}' }, { base: '{model: nano, data: web, tokens: 40000}' }],
    'units of tokens': [
      { base: '{model: nano, data: web, tokens: 40K}' },
      { base: '{model: nano, data: web, tokens: 0.04MT}' },
    ],
    '1 and 1.0': [
      { base: '{model: nano, data: web, tokens: 40K, clip: 2}' },
      { base: '{model: nano, data: web, tokens: 40K, clip: 2.0}' },
    ],
    '1e-5 and 0.00001': [
      { tuned: '{from: mid, data: math, examples: 100, lr: 1e-5}' },
      { tuned: '{from: mid, data: math, examples: 100, lr: 0.00001}' },
    ],
    'percent and decimal': [
      { base: '{model: nano, data: web, tokens: 40K, warmup: 7%}' },
      { base: '{model: nano, data: web, tokens: 40K, warmup: 0.07}' },
    ],
    hexadecimal: [
      { base: '{model: nano, data: web, tokens: 40K, seed: 16}' },
      { base: '{model: nano, data: web, tokens: 40K, seed: 0x10}' },
    ],
    'order of keys': [
      { base: '{model: nano, data: web, tokens: 40K, lr: 1e-3}' },
      { base: '{lr: 1e-3, tokens: 40K, data: web, model: nano}' },
    ],
    'order of a mix': [
      { mid: '{from: base, tokens: 20K, batch: 512, mix: {math: 1, web: 2, replay: 20%}}' },
      { mid: '{from: base, tokens: 20K, batch: 512, mix: {replay: 20%, web: 2, math: 1}}' },
    ],
    'weights and percentages': [
      { mid: '{from: base, tokens: 20K, batch: 512, mix: {math: 4, web: 1}}' },
      { mid: '{from: base, tokens: 20K, batch: 512, mix: {math: 80%, web: 20%}}' },
    ],
    'a share of the mix, and as an amount': [
      { mid: '{from: base, tokens: 20K, batch: 512, mix: {math: 1, replay: 20%}}' },
      { mid: '{from: base, tokens: 20K, batch: 512, mix: {math: 1, replay: 4K}}' },
    ],
    'nothing of it, and none of it': [
      { mid: '{from: base, tokens: 20K, batch: 512, mix: {math: 1, replay: 0%}}' },
      { mid: '{from: base, tokens: 20K, batch: 512, data: math}' },
    ],
    'a part that goes without saying': [
      { tuned: '{from: mid, data: math/problems, examples: 100}' },
      { tuned: '{from: mid, data: math, examples: 100}' },
    ],
    'defaults written out': [
      {},
      {
        model:
          '{layers: 2, hidden: 32, heads: 4, kvHeads: 4, ffn: 64, context: 64, ropeTheta: 10000, normEpsilon: 0.00001}',
        data: '  web: {generator: stories, seed: 0, options: {}}\n  math: {generator: arithmetic, options: {maximum: 20, steps: 1}}',
        base: '{model: nano, data: web, tokens: 40K, batch: 2048, lr: 3e-3, minLr: 3e-4, warmup: 0.1, schedule: cosine, weightDecay: 0.1, betas: [0.9, 0.95], clip: 1, precision: float32, seed: 0}',
        tuned:
          '{from: mid, data: math, examples: 100, epochs: 1, batch: 32, lr: 1e-3, minLr: 0, warmup: 10%, schedule: cosine, weightDecay: 0, betas: [0.9, 0.999], clip: 1, precision: float32}',
        rl: '{from: tuned, algorithm: ppo, data: math, examples: 64, epochs: 1, batch: 128, miniBatch: 128, innerEpochs: 1, maxResponse: 32, temperature: 1, lr: 1e-4, criticLr: 1e-3, warmup: 10%, gamma: 1, lambda: 100%, clipRatio: 0.2, valueClip: 0.5, responses: 1, clipRatioHigh: 0.2, dualClip: 3, whiten: true, lossAggregation: token-mean, kl: reward, klEstimator: k1, klCoef: 0.001, entropyCoef: 0, overlongBuffer: 0, overlongPenalty: 1, stopOnCollapse: false, weightDecay: 0.01, betas: [0.9, 0.999], clip: 1, precision: float32}',
        evaluate:
          '{each: [tuned, rl], suites: [heldout, id, ood], problems: 200, samples: 4, temperature: 1, maxResponse: 32, heldoutTokens: 16K, seed: 0}',
      },
    ],
    'defaults of another algorithm written out': [
      { rl: '{from: tuned, algorithm: dapo, data: math, examples: 64, maxResponse: 20}' },
      {
        rl: '{from: tuned, algorithm: dapo, data: math, examples: 64, maxResponse: 20, responses: 8, miniBatch: 1024, clipRatio: 0.2, clipRatioHigh: 0.28, dualClip: 3, whiten: false, lossAggregation: token-mean, kl: off, klCoef: 0, dynamicSampling: true, maxSamplings: 10, overlongBuffer: 4, overlongPenalty: 1}',
      },
    ],
    'a KL that is off, in either way': [
      { rl: '{from: tuned, data: math, examples: 64, klCoef: 0}' },
      { rl: '{from: tuned, data: math, examples: 64, kl: off, klCoef: 0.01, klEstimator: k2}' },
    ],
    'what an algorithm has no use of': [
      { rl: '{from: tuned, algorithm: grpo, data: math, examples: 64}' },
      { rl: '{from: tuned, algorithm: grpo, data: math, examples: 64, criticLr: 1e-2, gamma: 0.9, valueClip: 0.1}' },
    ],
  };
  for (const [name, [one, other]] of Object.entries(same)) {
    test(name, async () =>
      assert.deepEqual(keysOf(await planOfText(lineage(one))), keysOf(await planOfText(lineage(other)))),
    );
  }

  test('comments, titles, the lineage’s name and the order of sections', async () => {
    const text = lineage();
    const [stages, others] = [
      /^stages:\n( .*\n)+/m.exec(text)?.[0] ?? assert.fail(),
      text.replace(/^stages:\n( .*\n)+/m, ''),
    ];
    const moved = `# a comment\n${stages}title: Another title\n${others.replace('lineage: small', 'lineage: renamed')}`;
    assert.deepEqual(keysOf(await planOfText(moved)), keysOf(await planOfText(text)));
  });

  test('another name for a stage, a model, a data set or an axis: what is trained keeps its key', async () => {
    const text = lineage({
      mid: '{from: base, tokens: 20K, batch: 512, mix: {math: 1, replay: "{share}"}}',
      axes: '{share: [0%, 20%]}',
    });
    const keys = Object.values(keysOf(await planOfText(text.replace(/^evaluate.*$/m, ''))));
    const renamed = text
      .replaceAll('nano', 'tiny')
      .replaceAll('web', 'wide')
      .replaceAll('base', 'ground')
      .replaceAll('share', 'portion')
      .replace(/^evaluate.*$/m, '');
    assert.deepEqual(Object.values(keysOf(await planOfText(renamed))), keys);
  });

  test('axes in another order: other addresses, the same keys', async () => {
    const mid = '{from: base, tokens: 20K, batch: 512, mix: {math: 1, replay: "{replay}"}}';
    const plan = await planOfText(lineage({ mid, axes: '{replay: [0%, 20%], seed: [1, 2]}' }));
    const other = await planOfText(lineage({ mid, axes: '{seed: [1, 2], replay: [0%, 20%]}' }));
    assert.equal(nodeAt(plan, 'rl@replay=20%,seed=2').key, nodeAt(other, 'rl@seed=2,replay=20%').key);
    assert.deepEqual(new Set(Object.values(keysOf(plan))), new Set(Object.values(keysOf(other))));
  });
});

describe('another meaning, another key', () => {
  test('every field of every stage reaches its key, and the keys after it, but none before', async () => {
    const before = await planOfText(lineage());
    const changes: Record<string, string[]> = {
      base: [
        'batch: 1024',
        'lr: 2e-3',
        'minLr: 1e-5',
        'warmup: 5%',
        'schedule: constant',
        'weightDecay: 0.2',
        'betas: [0.8, 0.95]',
        'clip: 0',
        'precision: bfloat16',
        'seed: 1',
      ],
      tuned: [
        'epochs: 2',
        'batch: 16',
        'lr: 2e-3',
        'minLr: 1e-5',
        'warmup: 5%',
        'schedule: constant',
        'weightDecay: 0.2',
        'betas: [0.8, 0.95]',
        'clip: 0',
        'precision: bfloat16',
        'seed: 1',
      ],
      rl: [
        'epochs: 2',
        'batch: 64',
        'miniBatch: 32',
        'innerEpochs: 2',
        'maxResponse: 16',
        'temperature: 0.5',
        'lr: 2e-5',
        'criticLr: 2e-5',
        'warmup: 0',
        'gamma: 0.9',
        'lambda: 0.9',
        'clipRatio: 0.1',
        'valueClip: 0.1',
        'klCoef: 0',
        'klCoef: 0.01',
        'klEstimator: k2',
        'kl: loss',
        'responses: 4',
        'clipRatioHigh: 0.3',
        'dualClip: 0',
        'whiten: false',
        'lossAggregation: seq-mean-token-sum',
        'overlongBuffer: 8',
        'stopOnCollapse: true',
        'algorithm: grpo',
        'algorithm: dr_grpo',
        'algorithm: dapo',
        'algorithm: rloo',
        'algorithm: reinforce_plus_plus',
        'algorithm: grpo, dynamicSampling: true',
        'algorithm: dapo, maxSamplings: 4',
        'algorithm: dapo, overlongPenalty: 0.5',
        'entropyCoef: 0.1',
        'weightDecay: 0',
        'betas: [0.8, 0.95]',
        'clip: 0',
        'precision: bfloat16',
        'seed: 1',
      ],
    };
    const usual = {
      base: '{model: nano, data: web, tokens: 40K',
      tuned: '{from: mid, data: math/problems, examples: 100',
      rl: '{from: tuned, data: math/problems, examples: 64',
    };
    // What is said of a parent that does not decay is in no key.
    const undecayed = {
      mid: '{from: base, tokens: 20K, batch: 512, mix: {math: 1, replay: 20%}, allowUndecayed: a test of keys}',
      rl: `${usual.rl}, allowUndecayed: a test of keys}`,
    };
    for (const [stage, fields] of Object.entries(changes)) {
      const keys = new Set<string>();
      for (const field of fields) {
        const after = await planOfText(
          lineage({ ...undecayed, [stage]: `${usual[stage as keyof typeof usual]}, ${field}}` }),
        );
        keys.add(nodeAt(after, stage).key);
        const order = ['base', 'mid', 'tuned', 'rl'];
        for (const [index, other] of order.entries()) {
          const same = nodeAt(after, other).key === nodeAt(before, other).key;
          assert.equal(same, index < order.indexOf(stage), `${field} in ${stage} against ${other}`);
        }
      }
      assert.equal(keys.size, fields.length, 'no two of the changes have one key');
    }
  });

  test('models, data and tokenizers reach the keys of what uses them', async () => {
    const before = keysOf(await planOfText(lineage()));
    const others: Parameters<typeof lineage>[0][] = [
      { model: '{layers: 3, hidden: 32, heads: 4, ffn: 64, context: 64}' },
      { model: '{layers: 2, hidden: 32, heads: 4, kvHeads: 2, ffn: 64, context: 64}' },
      { model: '{layers: 2, hidden: 32, heads: 4, ffn: 64, context: 64, ropeTheta: 50000}' },
      { data: '  web: {generator: stories, seed: 1}\n  math: {generator: arithmetic}' },
      { rest: 'tokenizers: {words: {bpe: {vocab: 300, data: [web]}}}' },
      { rest: 'tokenizers: {words: {bpe: {vocab: 300, data: [web, math]}}}' },
      { rest: 'tokenizers: {words: {bpe: {vocab: 301, data: [web]}}}' },
      { rest: 'tokenizers: {words: {bpe: {vocab: 300, data: [web], characters: 1M}}}' },
    ];
    const keys = new Set([before.base]);
    for (const other of others) keys.add(keysOf(await planOfText(lineage(other))).base);
    assert.equal(keys.size, others.length + 1);
    const options = keysOf(
      await planOfText(
        lineage({ data: '  web: {generator: stories}\n  math: {generator: arithmetic, options: {steps: 2}}' }),
      ),
    );
    assert.equal(options.base, before.base, 'pretraining does not see the option');
    assert.notEqual(options.mid, before.mid);
  });

  test('changing an evaluation retrains nothing, and asks again only what changed', async () => {
    const before = keysOf(await planOfText(lineage()));
    const after = keysOf(
      await planOfText(
        lineage({ evaluate: '{each: [base, mid, tuned, rl], suites: [ood, heldout, id], problems: 50}' }),
      ),
    );
    for (const stage of ['base', 'mid', 'tuned', 'rl', 'tuned/heldout', 'rl/heldout'])
      assert.equal(after[stage], before[stage], stage);
    for (const suite of ['id', 'ood']) assert.notEqual(after[`rl/${suite}`], before[`rl/${suite}`]);
  });

  test('a stage is one node whatever stands beside it', async () => {
    const [whole, prefix] = [
      keysOf(await planOfText(lineage())),
      keysOf(
        await planOfText(
          lineage()
            .replace(/^ {2}(tuned|rl): .*\n/gm, '')
            .replace(/^evaluate.*$/m, ''),
        ),
      ),
    ];
    assert.equal(whole.mid, prefix.mid);
  });
});

describe('a key is of everything or it is none', () => {
  const base = (): { [name: string]: Json } => ({
    descent: 'node',
    type: 'pretrain',
    version: 1,
    recipe: { lr: 0.1 },
    seed: 0,
    parents: {},
  });
  const refused: Record<string, unknown> = {
    'not a number': Number.NaN,
    infinity: Number.NEGATIVE_INFINITY,
    undefined: undefined,
    'a function': () => 1,
    'a symbol': Symbol('s'),
    'a big integer': 1n,
    'a date': new Date(0),
    'a map': new Map(),
    'half a character': '\ud83d',
    'a hole in a list': new Array(2),
    'a list with undefined': [undefined],
  };
  for (const [name, value] of Object.entries(refused)) {
    test(`${name} in a pre-image is an error that says where`, () => {
      const preimage = { ...base(), recipe: { mix: [{ share: value }] } } as unknown as { [name: string]: Json };
      assert.throws(() => keyOf(preimage), { name: 'TypeError', message: /recipe\.mix\.0\.share/ });
    });
  }

  test('the order of keys in memory is no part of it', () => {
    const turned = Object.fromEntries(Object.entries(base()).reverse());
    assert.equal(keyOf(turned), keyOf(base()));
    assert.equal(canonicalJson({ b: 1, a: [1, { d: 1e21, c: 0.000001 }] }), '{"a":[1,{"c":0.000001,"d":1e+21}],"b":1}');
  });

  test('a new optional field at its default changes no identity', () => {
    const usual = { lr: 0.1, betas: [0.9, 0.99] };
    const old = withoutDefaults({ lr: 0.1, steps: 5, betas: [0.9, 0.99] }, usual);
    assert.deepEqual(old, { steps: 5 });
    assert.deepEqual(withoutDefaults({ lr: 0.1, steps: 5, betas: [0.9, 0.99], new: 0 }, { ...usual, new: 0 }), old);
    assert.deepEqual(withoutDefaults({ lr: 0.1, steps: 5, betas: [0.9, 0.99], new: 1 }, { ...usual, new: 0 }), {
      ...old,
      new: 1,
    });
  });
});

test('the digest of a plan: equal for equal plans, another for another', async () => {
  const plan = await planOf(fixture('replay.yaml'));
  assert.equal(planDigest(plan), planDigest(await planOf(fixture('replay.yaml'))));
  assert.equal(planDigest(JSON.parse(JSON.stringify(plan))), planDigest(plan));
  assert.notEqual(planDigest({ ...plan, title: 'another' }), planDigest(plan));
});
