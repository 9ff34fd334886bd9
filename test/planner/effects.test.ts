import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { formatDiagnostics } from '../../planner/diagnostic.ts';
import { planLineage } from '../../planner/expand.ts';
import { loadLineage } from '../../planner/load.ts';
import { lineage } from './plans.ts';

type Parts = Parameters<typeof lineage>[0];

/** What a valid file is warned of. */
function warningsOf(parts: Parts): Promise<{ short: string[]; whole: string }> {
  return warningsOfText(lineage(parts));
}

async function warningsOfText(text: string): Promise<{ short: string[]; whole: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'descent-effects-'));
  try {
    const path = join(folder, 'lineage.yaml');
    await writeFile(path, text);
    const loaded = await loadLineage(path);
    const planned = loaded.ok ? await planLineage(loaded.lineage) : loaded;
    if (!planned.ok) assert.fail(formatDiagnostics(planned.diagnostics, planned.text, { colour: false }));
    return {
      short: planned.warnings.map(({ severity, code, message }) => `${severity}[${code}] ${message}`),
      whole: formatDiagnostics(planned.warnings, planned.source.text, { colour: false }).replaceAll(`${folder}/`, ''),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

const rl = (fields: string) => ({ rl: `{from: tuned, data: math, examples: 64, ${fields}}` });
const base = (fields: string) => ({ base: `{model: nano, data: web, tokens: 40K, ${fields}}` });
/** Likewise, with a child that may start from a base whose learning rate does not decay. */
const undecayed = (fields: string) => ({
  ...base(fields),
  mid: '{from: base, tokens: 20K, batch: 512, mix: {math: 1, replay: 20%}, allowUndecayed: "only its warnings are asked for"}',
});
const once = 'changes nothing: each round is one update (`innerEpochs` is 1, and `miniBatch` the whole round)';
const cases: Readonly<Record<string, [Parts, string[]]>> = {
  'nothing but defaults': [{}, []],
  'clips of a round that is one update': [
    rl('batch: 32, miniBatch: 32, clipRatio: 0.2, valueClip: 0.1'),
    [`\`clipRatio\` ${once}, so that every ratio is 1`, `\`valueClip\` ${once}, so that no value has moved yet`],
  ],
  'clips of a round that is several updates': [rl('batch: 32, miniBatch: 16, clipRatio: 0.2, valueClip: 0.1'), []],
  'clips of a round that is gone through twice': [rl('innerEpochs: 2, clipRatio: 0.2, valueClip: 0.1'), []],
  'a clip that only some variants need': [
    { ...rl('innerEpochs: "{passes}", clipRatio: 0.1'), axes: '{passes: [1, 2]}' },
    [],
  ],
  'a clip that no variant needs, though an axis varies it': [
    { ...rl('clipRatio: "{clip}"'), axes: '{clip: [0.1, 0.2]}' },
    [`\`clipRatio\` ${once}, so that every ratio is 1`],
  ],
  'options of an algorithm that no variant has': [
    rl('algorithm: grpo, lambda: 0.9, criticLr: 1e-3, dynamicSampling: true'),
    [
      '`lambda` changes nothing: it is an option of ppo, and `algorithm` is grpo',
      '`criticLr` changes nothing: it is an option of ppo, and `algorithm` is grpo',
    ],
  ],
  'options of an algorithm that some variant has': [
    {
      ...rl('algorithm: "{by}", gamma: 0.9, criticLr: 1e-3, maxSamplings: 5, dynamicSampling: true'),
      axes: '{by: [ppo, dapo]}',
    },
    [],
  ],
  'a way to measure a KL where there is none': [
    rl('algorithm: rloo, klCoef: 0.01, klEstimator: k2'),
    ['`klCoef` changes nothing: there is no KL', '`klEstimator` changes nothing: there is no KL'],
  ],
  'a KL that is off by its weight, or in words': [rl('klCoef: 0'), []],
  'a KL that is off by its weight where it is off anyway': [
    rl('kl: off, klCoef: 0'),
    ['`klCoef` changes nothing: there is no KL'],
  ],
  'a penalty without a buffer, and how often to sample once': [
    rl('algorithm: rloo, overlongPenalty: 2, maxSamplings: 5'),
    [
      '`overlongPenalty` changes nothing: `overlongBuffer` is 0',
      '`maxSamplings` changes nothing: each round samples once',
    ],
  ],
  'clips of groups that are one update together': [
    rl('algorithm: grpo, batch: 8, miniBatch: 64, clipRatioHigh: 0.3, dualClip: 0'),
    [`\`clipRatioHigh\` ${once}, so that every ratio is 1`, `\`dualClip\` ${once}, so that every ratio is 1`],
  ],
  'clips of groups in several updates': [rl('algorithm: grpo, batch: 8, miniBatch: 32, clipRatioHigh: 0.3'), []],
  'lambda without gamma': [
    rl('gamma: 0, lambda: 0.9'),
    ['`lambda` changes nothing: `gamma` is 0: what comes later counts for nothing'],
  ],
  'discounts of single tokens': [
    rl('maxResponse: 1, gamma: 0.9, lambda: 0.9'),
    ['gamma', 'lambda'].map(
      (name) => `\`${name}\` changes nothing: a response is one token, and nothing comes after it`,
    ),
  ],
  'the end of a constant schedule': [
    undecayed('schedule: constant, minLr: 1e-5'),
    ['`minLr` changes nothing: the schedule is constant, and stays at `lr`'],
  ],
  'an allowance to start from what has not decayed, of what has': [
    {
      mid: '{from: base, tokens: 20K, batch: 512, mix: {math: 1, replay: 20%}, allowUndecayed: "it was meant for another base"}',
    },
    ['`allowUndecayed` changes nothing: the learning rate of `base` decays'],
  ],
  'an allowance that only some variants need': [
    {
      ...base('minLr: "{end}"'),
      axes: '{end: [1e-4, 3e-3]}',
      mid: '{from: base, tokens: 20K, batch: 512, mix: {math: 1, replay: 20%}, allowUndecayed: "one of the two has not"}',
    },
    [],
  ],
  'an allowance to start from RL': [
    {
      rl: '{from: tuned, data: math/problems, examples: 64}}\n  after: {cpt: {from: rl, tokens: 20K, data: math, allowUndecayed: "RL does not decay"}',
    },
    ['`allowUndecayed` changes nothing: `rl` is RL, which keeps its learning rate by design'],
  ],
  'the end of a cosine': [base('schedule: cosine, minLr: 1e-5'), []],
  'a schedule after which nothing comes': [
    undecayed('warmup: 100%, schedule: cosine, minLr: 1e-5'),
    ['schedule', 'minLr'].map((name) => `\`${name}\` changes nothing: the warm-up takes all 20 steps`),
  ],
  'a schedule of one step': [
    { tuned: '{from: mid, data: math, examples: 10, minLr: 1e-5}' },
    ['`minLr` changes nothing: the warm-up takes the only step'],
  ],
  'what samples are drawn with, of none': [
    { evaluate: '{each: [rl], suites: [id], samples: 0, temperature: 0.7, seed: 3}' },
    ['temperature', 'seed'].map(
      (name) => `\`${name}\` changes nothing: \`samples\` is 0, and the greedy response draws nothing`,
    ),
  ],
  'options of suites that are not asked': [
    { evaluate: '{each: [rl], suites: [heldout], problems: 50, maxResponse: 8}' },
    ['problems', 'maxResponse'].map((name) => `\`${name}\` changes nothing: no suite asks problems`),
  ],
  'options of both kinds of suites, and both': [
    { evaluate: '{each: [rl], suites: [heldout, id], problems: 50, heldoutTokens: 8K, samples: 0}' },
    [],
  ],
  'held-out text of no suite': [
    { evaluate: '{each: [rl], suites: [id], heldoutTokens: 8K}' },
    ['`heldoutTokens` changes nothing: the suite `heldout` is not among `suites`'],
  ],
  'as many key heads as heads': [{ model: '{layers: 2, hidden: 32, heads: 4, kvHeads: 4, ffn: 64, context: 64}' }, []],
  'recomputation where nothing is recomputed': [
    {
      evaluate:
        '{each: [rl], suites: [id]}\nplacement: {default: {recomputeActivations: true}, base: {recomputeActivations: true}, rl: {recomputeActivations: true}}',
    },
    ['`recomputeActivations` changes nothing: RL does without'],
  ],
  'a data set and a model that nothing uses': [
    {
      model:
        '{layers: 2, hidden: 32, heads: 4, ffn: 64, context: 64}\n  micro: {layers: 1, hidden: 32, heads: 4, ffn: 64, context: 64}',
      data: '  web: {generator: stories}\n  math: {generator: arithmetic}\n  more: {generator: stories, seed: 1}',
    },
    ['nothing uses the model `micro`', 'nothing uses the data set `more`'],
  ],
};

describe('options without effect', () => {
  for (const [name, [parts, expected]] of Object.entries(cases)) {
    test(name, async () => {
      const { short } = await warningsOf(parts);
      assert.deepEqual([...short].sort(), expected.map((message) => `warning[no-effect] ${message}`).sort());
    });
  }

  test('an option of a recipe is told of once, and only if no signature needs it', async () => {
    const signed = (rl: string, own: string) => `lineage: signed
models:
  nano: {layers: 2, hidden: 32, heads: 4, ffn: 64, context: 64}
  micro: {layers: 2, hidden: 32, heads: 4, ffn: 64, context: 64, recipes: {rl: {${own}}}}
data:
  web: {generator: stories}
  math: {generator: arithmetic}
signatures: [nano-2MT-0.1+0.9MT-1Kep1-1Kep2, micro-2MT-0.1+0.9MT-1Kep1-1Kep2]
recipes:
  pretrain: {data: web, batch: 8K}
  cpt: {data: math, batch: 8K}
  sft: {data: math/problems}
  rl: {data: math/problems, ${rl}}
`;
    const said = async (text: string) => (await warningsOfText(text)).short;
    assert.deepEqual(await said(signed('clipRatio: 0.1', 'lr: 1e-4')), [
      `warning[no-effect] \`clipRatio\` ${once}, so that every ratio is 1`,
    ]);
    assert.deepEqual(await said(signed('clipRatio: 0.1', 'innerEpochs: 2')), []);
  });

  test('a warning has a place and a remedy, as an error has', async () => {
    const { whole } = await warningsOf(undecayed('schedule: constant, minLr: 1e-5'));
    assert.equal(
      whole,
      `lineage.yaml:8:85: warning[no-effect]: \`minLr\` changes nothing: the schedule is constant, and stays at \`lr\`
  8 |   base: {pretrain: {model: nano, data: web, tokens: 40K, schedule: constant, minLr: 1e-5}}
    |                                                                                     ^^^^
  hint: remove it, or say \`schedule: cosine\`
`,
    );
  });
});
