import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { packageRoot } from '#setup/places.mjs';
import { environmentOf } from '../../../engines/environment.ts';
import type { RlJob, RlRecipe } from '../../../schemas/types/job.ts';
import { algorithmOf } from '../../../trainer/algorithms/choose.ts';
import { overlongReward } from '../../../trainer/algorithms/rewards.ts';
import { inParts, layoutOf } from '../../../trainer/episode.ts';
import { createLearner } from '../../../trainer/learner.ts';
import { loadParent } from '../../../trainer/parent.ts';
import { measureLogProbs } from '../../../trainer/policy.ts';
import { writeNewModel } from '../../trainer/models.ts';
import { type Ended, type PpoRecipe, ppoUsually, sftJob, tiny } from '../../trainer/support.ts';
import { tosses, trainTosser } from '../../trainer/tosses.ts';
import { factsOf, ground, keepsTheContract, metricsOf, runWith } from './contract.ts';

const ppo: PpoRecipe = {
  ...ppoUsually,
  algorithm: 'ppo',
  data: tosses,
  examples: 24,
  epochs: 6,
  batch: 8,
  miniBatch: 8,
  innerEpochs: 1,
  maxResponse: 20,
  temperature: 0.9,
  lr: 3e-3,
  criticLr: 1e-2,
  warmup: 0.2,
  gamma: 1,
  lambda: 0.95,
  clipRatio: 0.2,
  dualClip: 0,
  valueClip: 0.5,
  klCoef: 0.001,
  entropyCoef: 0,
  weightDecay: 0.1,
  betas: [0.9, 0.95],
  clip: 1,
};
const { criticLr: _, gamma: __, lambda: ___, valueClip: ____, ...shared } = ppo;
const grpo: RlRecipe = {
  ...shared,
  algorithm: 'grpo',
  ...{ responses: 4, miniBatch: 32, innerEpochs: 2, whiten: false, dynamicSampling: false, maxSamplings: 1 },
  ...{ kl: 'loss', klEstimator: 'k3', klCoef: 0.01, lossAggregation: 'seq-mean-token-mean', dualClip: 3 },
};

/** What `trl_round.py` tells of a round. */
interface Round {
  episodes: { prompt: number[]; response: number[]; reward: number }[];
  values: Record<string, number>;
}

describe('TRL, reinforcement learning', () => {
  const { root } = ground();
  let [data, parent] = ['', ''];
  before(async () => {
    ({ data, parent } = await trainTosser(root));
  });
  const jobOf = (name: string, recipe: RlRecipe): RlJob => ({
    ...sftJob(root, name, '', 1),
    type: 'rl',
    recipe,
    inputs: { parent, data: { 'data:coin': data } },
  });
  const rewards = (ended: Ended) => metricsOf(ended).map(({ values }) => values.reward ?? Number.NaN);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

  describe('GRPO', () => {
    // Mini-batches of half a round: four optimizer steps of each.
    const halves: RlRecipe = { ...grpo, miniBatch: 16 };
    keepsTheContract('trl', (name) => jobOf(`grpo-${name}`, halves), { samples: true });
  });

  describe('PPO', () => {
    keepsTheContract('trl', (name) => jobOf(`ppo-${name}`, ppo), { samples: true });
  });

  test('learns what is rewarded, and shows responses with their verdicts', async () => {
    for (const recipe of [grpo, { ...ppo, responses: 4, miniBatch: 32, innerEpochs: 2, warmup: 0 }]) {
      const ended = await runWith('trl', jobOf(`${recipe.algorithm}-learns`, recipe));
      const curve = rewards(ended);
      // A half at first, give or take a tenth of 32 responses.
      const [first, last] = [curve[0] ?? 1, mean(curve.slice(-4))];
      assert.ok(first < 0.75 && last > 0.85, String(curve));
      const samples = ended.events.filter((event) => event.event === 'sample');
      assert.equal(samples.length, 18 * 4);
      for (const { prompt, expected, reward, correct } of samples) {
        assert.match(prompt, /^Human: toss 2\d\d\nAssistant:$/);
        assert.deepEqual([expected, reward], ['yes', correct ? 1 : 0]);
      }
      const { updates, rounds, problems, overlongProblems } = factsOf(ended);
      assert.deepEqual([updates, rounds, problems, overlongProblems], [36, 18, 24, 0]);
    }
  });

  /**
   * A new model of the Hub's kind: rows of its embedding that no token has, 43 special tokens, ends that are some of these, and
   * habits of sampling of its own.
   */
  async function foreign(name: string, ends: readonly number[]): Promise<string> {
    const folder = await writeNewModel(root, name, { ...tiny, context: 64, vocab: 320 });
    const change = (file: string, by: (content: Record<string, unknown>) => object) => {
      const path = join(folder, file);
      const content = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
      writeFileSync(path, JSON.stringify({ ...content, ...by(content) }));
    };
    const special = Array.from({ length: 43 }, (_, i) => ({
      ...{ id: 257 + i, content: `<|s${i}|>`, special: true },
      ...{ single_word: false, lstrip: false, rstrip: false, normalized: false },
    }));
    change('tokenizer.json', ({ added_tokens }) => ({ added_tokens: [...(added_tokens as object[]), ...special] }));
    change('generation_config.json', () => ({
      no_repeat_ngram_size: 1,
      suppress_tokens: special.map(({ id }) => id),
      eos_token_id: [256, ...ends],
    }));
    return folder;
  }
  const ofForeign = (name: string, recipe: RlRecipe, model: string): RlJob => {
    const job = jobOf(name, { ...recipe, examples: 16, epochs: 1, innerEpochs: 1, overlongBuffer: 20, warmup: 0 });
    return { ...job, inputs: { ...job.inputs, parent: model } };
  };
  // The last ten of the special tokens.
  const ends = Array.from({ length: 10 }, (_, i) => 290 + i);

  const foreigners: [RlRecipe, number[]][] = [
    [grpo, ends],
    [{ ...ppo, clipRatio: 1e-4, clipRatioHigh: 1e-4 }, []],
  ];
  for (const [recipe, some] of foreigners)
    test(`samples as the recipe says, whatever model it begins with: ${recipe.algorithm}`, async () => {
      const name = `foreign-${recipe.algorithm}`;
      const ended = await runWith('trl', ofForeign(`${name}-run`, recipe, await foreign(name, some)));
      for (const { values } of metricsOf(ended)) {
        assert.equal(values.clipFraction, 0, 'it learns with what it sampled with');
        if (some.length > 0) assert.ok((values.truncationRate ?? 1) < 0.9, 'each end ends');
      }
      const samples = ended.events.filter((event) => event.event === 'sample');
      const seen = samples.flatMap(({ response }) =>
        [...response.matchAll(/<\|s(\d+)\|>/g)].map(([, id]) => 257 + Number(id)),
      );
      assert.ok(seen.length > 0);
      for (const id of seen) assert.ok(!some.includes(id), `${id} ends a response`);
    });

  test('refuses PPO of a tokenizer with several ends, and says what to take', async () => {
    const job = ofForeign('several-run', ppo, await foreign('several', ends));
    const { events, stderr } = await runWith('trl', job, { at: 'never', signal: 'SIGTERM' });
    const last = events.at(-1);
    assert.ok(last?.event === 'failed' && last.kind === 'bad-data', stderr);
    assert.match(last.message, /ends a text by 11 tokens, and PPOTrainer knows one\. Take another algorithm/);
  });

  /** A round of TRL, and what the built-in learner makes of the same responses. */
  async function both(
    name: string,
    recipe: RlRecipe,
  ): Promise<{ its: Record<string, number>; own: Record<string, number>; episodes: Round['episodes'] }> {
    const job = jobOf(name, recipe);
    await runWith('trl', job, { at: 'started', signal: 'SIGKILL' });
    const { python } = await environmentOf('trl');
    const script = join(packageRoot, 'test', 'engines', 'real', 'trl_round.py');
    const run = join(job.output, 'checkpoints', 'trl', 'run.json');
    const { status, stdout, stderr } = spawnSync(python, [script, run, join(root, `${name}-again`)], {
      encoding: 'utf8',
      timeout: 300_000,
    });
    assert.equal(status, 0, stderr.slice(-3000));
    const { episodes, values } = JSON.parse(stdout.trim().split('\n').at(-1) as string) as Round;
    const { architecture, parameters } = await loadParent(parent);
    const sampled = episodes.map((episode) => ({ ...episode, logProbs: [] as number[] }));
    const layout = layoutOf(sampled, architecture.context, 1e6);
    const measure = measureLogProbs({ architecture, parameters, temperature: recipe.temperature }, recipe);
    const logProbs = measure(inParts(sampled, layout));
    const updates = 18 * recipe.innerEpochs;
    const learner = createLearner(architecture, parameters, algorithmOf(recipe), recipe, updates);
    const learned = sampled.map((episode, i) => ({ ...episode, logProbs: Array.from(logProbs[i] as Float32Array) }));
    return { its: values, own: learner.learn(learned, 1, ['rl', 0]), episodes };
  }

  // Without a KL: Adam's first step is that of rounding where a gradient is all but zero, and a KL is of the tokens it moves most.
  const without = { ...grpo, kl: 'off', klCoef: 0, lr: 0.02, warmup: 0 } as const;
  for (const recipe of [
    without,
    { ...without, algorithm: 'dr_grpo', lossAggregation: 'seq-mean-token-sum-norm' },
    { ...without, algorithm: 'dapo', lossAggregation: 'token-mean', clipRatioHigh: 0.28, overlongBuffer: 8 },
    { ...without, algorithm: 'rloo', lossAggregation: 'seq-mean-token-sum' },
  ] as const)
    test(`computes what the built-in trainer does of the same responses: ${recipe.algorithm}`, async () => {
      const { its, own, episodes } = await both(`round-${recipe.algorithm}`, recipe);
      const verdicts = episodes.map(({ response, reward }) => reward - overlongReward(response.length, recipe));
      for (const verdict of verdicts)
        assert.ok(Math.min(Math.abs(verdict), Math.abs(verdict - 1)) < 1e-9, `${verdict}`);
      assert.ok((own.clipFraction ?? 0) > 0 && (its.clipFraction ?? 0) > 0, 'the second pass clips');
      for (const name of ['gradientNorm', 'policyLoss', 'entropy']) near(its[name], own[name], name);
    });

  // TRL gives the reward a token after the end, which whitening takes out of the advantages of a critic without values.
  test('computes what the built-in trainer does of the same responses: ppo', async () => {
    const { its, own } = await both('round-ppo', { ...ppo, warmup: 0, innerEpochs: 2, lr: 0.02 });
    assert.ok((own.clipFraction ?? 0) > 0, 'the second pass clips');
    for (const name of ['gradientNorm', 'policyLoss', 'clipFraction']) near(its[name], own[name], name);
  });
});

/** Advantages of groups differ by 1e-4 of a deviation, which TRL adds to it. */
function near(found: number | undefined, expected: number | undefined, what: string): void {
  assert.ok(found !== undefined && expected !== undefined, `${what}: ${found}, ${expected}`);
  assert.ok(Math.abs(found - expected) <= 3e-3 * Math.max(Math.abs(expected), 0.05), `${what}: ${found}, ${expected}`);
}
