import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import type { Architecture } from '../../schemas/types/job.ts';
import { adamw } from '../../trainer/adamw.ts';
import type { Algorithm } from '../../trainer/algorithm.ts';
import { type PpoOptions, ppo } from '../../trainer/algorithms/ppo.ts';
import { criticRole } from '../../trainer/critic.ts';
import { type Episode, type Experience, inParts, layoutOf } from '../../trainer/episode.ts';
import { createGenerator, generate } from '../../trainer/generate.ts';
import { eagerly } from '../../trainer/graph/capture.ts';
import { initialise } from '../../trainer/init.ts';
import { createLearner, type Learner, type LearnerRecipe } from '../../trainer/learner.ts';
import { hiddenStates, logits } from '../../trainer/model.ts';
import { type PaddedRows, spread } from '../../trainer/padded.ts';
import type { Parameters } from '../../trainer/parameters.ts';
import { measureLogProbs, policyUpdates } from '../../trainer/policy.ts';
import { random } from '../../trainer/random.ts';
import { tf } from '../../trainer/tf.ts';
import { close, ppoUsually } from './support.ts';

const architecture: Architecture = {
  layers: 1,
  hidden: 16,
  heads: 2,
  kvHeads: 1,
  ffn: 32,
  vocab: 12,
  context: 16,
  ropeTheta: 10_000,
  normEpsilon: 1e-5,
};

const recipe: LearnerRecipe & PpoOptions = {
  ...ppoUsually,
  maxResponse: 8,
  miniBatch: 16,
  innerEpochs: 1,
  temperature: 1,
  lr: 1e-3,
  criticLr: 1e-2,
  warmup: 0,
  gamma: 1,
  lambda: 1,
  clipRatio: 0.2,
  valueClip: 0.5,
  klCoef: 0,
  entropyCoef: 0,
  weightDecay: 0,
  betas: [0.9, 0.999],
  clip: 1,
};

/**
 * Episodes of several lengths whose reward is the share of token 7 in the response. Nothing sampled them, so their
 * log-probabilities are none: where those matter, `sampledBy` says what they were under a model.
 */
function episodes(seed: number, count = 16): Episode[] {
  const { integer } = random(seed, 'episodes');
  const tokens = (length: number) => Array.from({ length }, () => integer(architecture.vocab));
  return Array.from({ length: count }, () => {
    const [prompt, response] = [tokens(1 + integer(6)), tokens(1 + integer(6))];
    const logProbs = response.map(() => Number.NaN);
    return { prompt, response, logProbs, reward: response.filter((token) => token === 7).length / response.length };
  });
}

/** ln p of one response's tokens, computed alone and in plain JavaScript from the logits. */
function logProbsOf(parameters: Parameters, { prompt, response }: Episode, temperature: number): number[] {
  const tokens = [...prompt, ...response];
  const hidden = hiddenStates(architecture, parameters, tf.tensor2d([tokens], [1, tokens.length], 'int32'));
  const rows = (logits(parameters, hidden.reshape([-1, architecture.hidden])) as Tensor2D).arraySync();
  return response.map((token, t) => {
    const row = rows[prompt.length - 1 + t]?.map((x) => x / temperature) ?? [];
    return (row[token] ?? Number.NaN) - Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0));
  });
}

/** A learner by PPO on a model that is drawn by `seed`, or given. */
function learnerOf(
  parent: number | Parameters,
  options: LearnerRecipe & PpoOptions,
  updates: number,
  { atOnce = 16_384 } = {},
): Learner {
  const parameters = typeof parent === 'number' ? initialise(architecture, parent) : parent;
  return createLearner(architecture, parameters, ppo(options), options, updates, { atOnce });
}

/** The same episodes as if a model had sampled them. */
function sampledBy(parameters: Parameters, round: readonly Episode[], temperature = 1): Episode[] {
  return round.map((episode) => ({ ...episode, logProbs: logProbsOf(parameters, episode, temperature) }));
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const near = (actual: number | undefined, expected: number, tolerance: number) =>
  assert.ok(actual !== undefined && Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);

function weights(parameters: Parameters): Record<string, number[]> {
  return Object.fromEntries(Object.entries(parameters).map(([name, values]) => [name, [...values.dataSync()]]));
}

describe('the learner', () => {
  it('is exactly on-policy at the first update of a round, and no longer at the next', () => {
    const learner = learnerOf(1, recipe, 1);
    const first = learner.learn(episodes(1), 1, [0]);
    // Ratios are 1 and advantages are whitened: the surrogate is minus their mean, 0.
    near(first.policyLoss, 0, 1e-5);
    assert.equal(first.clipFraction, 0);
    assert.ok((first.gradientNorm ?? 0) > 0.01, 'yet there is a gradient');

    const often = { ...recipe, innerEpochs: 6, lr: 1e-2 };
    const parameters = initialise(architecture, 1);
    const second = learnerOf(parameters, often, 6).learn(sampledBy(parameters, episodes(1)), 1, [0]);
    assert.ok((second.policyLoss ?? 0) < -0.01, `policy loss ${second.policyLoss}`);
    assert.ok((second.clipFraction ?? 0) > 0, `clip fraction ${second.clipFraction}`);
  });

  it('clips nothing where a round is one update: the clip ranges change no bit', () => {
    const trained = (clipRatio: number, valueClip: number, innerEpochs: number) => {
      const parameters = initialise(architecture, 1);
      const learner = learnerOf(
        parameters,
        { ...recipe, innerEpochs, clipRatio, clipRatioHigh: clipRatio, valueClip, lr: 1e-2 },
        2,
      );
      for (const round of [0, 1]) learner.learn(sampledBy(parameters, episodes(round)), 1, [round]);
      return [weights(parameters), weights(learner.critic?.parameters ?? {})];
    };
    assert.deepEqual(trained(0.01, 0.01, 1), trained(0.5, 0.5, 1));
    assert.notDeepEqual(trained(0.01, 0.01, 2), trained(0.5, 0.5, 2));
  });

  it('makes rewarded responses likelier and the others less likely', () => {
    const parameters = initialise(architecture, 2);
    const round = episodes(2, 32);
    const average = sum(round.map(({ reward }) => reward)) / round.length;
    const before = round.map((episode) => sum(logProbsOf(parameters, episode, 1)));
    learnerOf(parameters, { ...recipe, miniBatch: 32 }, 1).learn(round, 1, [0]);
    const moved = round.map((episode, i) => sum(logProbsOf(parameters, episode, 1)) - (before[i] ?? 0));
    const along = sum(moved.map((change, i) => change * ((round[i]?.reward ?? 0) - average)));
    assert.ok(along > 0, `covariance of change and reward ${along}`);
  });

  for (const miniBatch of [16, 8]) {
    it(`measures the KL as it is by definition, at the temperature, in rounds of ${16 / miniBatch} updates`, () => {
      for (const temperature of [1, 0.5]) {
        const parameters = initialise(architecture, 3);
        const learner = learnerOf(parameters, { ...recipe, miniBatch, temperature, klCoef: 0.1 }, 4);
        const parent = weights(parameters);
        near(learner.learn(sampledBy(parameters, episodes(3), temperature), 1, [0]).kl, 0, 1e-6);

        const round = sampledBy(parameters, episodes(4), temperature);
        const trained = learner.learn(round, 1, [1]);
        for (const [name, values] of Object.entries(parent)) {
          parameters[name]?.assign(tf.tensor(values, parameters[name]?.shape));
        }
        const now = round.flatMap(({ logProbs }) => logProbs);
        const reference = round.flatMap((episode) => logProbsOf(parameters, episode, temperature));
        const kl = sum(now.map((logProb, i) => logProb - (reference[i] ?? 0))) / now.length;
        assert.ok(Math.abs(kl) > 1e-4, 'the policy has moved');
        near(trained.kl, kl, 1e-5);
      }
    });
  }

  it('takes the KL to the parent from the rewards, by klCoef', () => {
    // All rewards equal: without KL nothing is to be learned but noise; with it the policy is drawn back to its parent.
    const flat = (seed: number) => episodes(seed).map((episode) => ({ ...episode, reward: 0 }));
    const still = learnerOf(1, recipe, 2);
    assert.equal(still.learn(flat(1), 1, [0]).gradientNorm, 0);
    assert.equal(still.learn(flat(1), 1, [0]).kl, undefined, 'no reference is evaluated');

    const parameters = initialise(architecture, 1);
    const held = learnerOf(parameters, { ...recipe, miniBatch: 8, klCoef: 0.5 }, 6);
    held.learn(sampledBy(parameters, episodes(1)), 1, [0]);
    assert.ok((held.learn(sampledBy(parameters, flat(2)), 1, [1]).gradientNorm ?? 0) > 0.01);
  });

  it('raises the entropy when there is nothing but its bonus', () => {
    const flat = episodes(5).map((episode) => ({ ...episode, reward: 0 }));
    const learner = learnerOf(5, { ...recipe, entropyCoef: 1 }, 10);
    const entropies = Array.from({ length: 10 }, (_, i) => learner.learn(flat, 1, [i]).entropy ?? 0);
    assert.ok((entropies.at(-1) ?? 0) > (entropies[0] ?? 0), String(entropies));
  });

  it('has a critic that comes to explain returns it can know', () => {
    // The reward is the first token of the prompt: known before the response begins.
    const round = (seed: number) =>
      episodes(seed, 64).map((episode) => ({ ...episode, reward: (episode.prompt[0] ?? 0) > 5 ? 1 : 0 }));
    const deeper = { ...architecture, layers: 2 };
    const learner = createLearner(deeper, initialise(deeper, 6), ppo(recipe), { ...recipe, miniBatch: 64 }, 20);
    const explained = Array.from({ length: 20 }, (_, i) => learner.learn(round(i), 1, [i]).explainedVariance ?? 0);
    assert.equal(explained[0], 0);
    assert.ok((explained.at(-1) ?? 0) > 0.5, String(explained));
  });

  it('gives the same update whole and in parts', () => {
    const learned = [16_384, 40].map((atOnce) => {
      const parameters = initialise(architecture, 7);
      const learner = learnerOf(parameters, { ...recipe, miniBatch: 8, klCoef: 0.1 }, 6, { atOnce });
      const metrics = [0, 1, 2].map((i) => learner.learn(sampledBy(parameters, episodes(i)), 1, [i]));
      return { metrics, weights: weights(parameters) };
    });
    const [whole, parts] = learned;
    for (const [name, values] of Object.entries(whole?.weights ?? {})) {
      for (const [i, value] of values.entries()) near(parts?.weights[name]?.[i], value, 2e-4);
    }
    for (const [i, values] of (whole?.metrics ?? []).entries()) {
      for (const [name, value] of Object.entries(values)) near(parts?.metrics[i]?.[name], value, 2e-3);
    }
  });

  it('repeats itself byte for byte, and leaks no tensor', () => {
    const once = () => {
      const parameters = initialise(architecture, 8);
      const shuffled = { ...recipe, miniBatch: 5, innerEpochs: 2, klCoef: 0.1, entropyCoef: 0.01 };
      const learner = learnerOf(parameters, shuffled, 12);
      const round = sampledBy(parameters, episodes(1));
      learner.learn(round, 1, [0]);
      // The same shapes again: the first time small constants of each shape are made and kept.
      const tensors = tf.memory().numTensors;
      learner.learn(round, 1, [0]);
      assert.equal(tf.memory().numTensors, tensors);
      return weights(parameters);
    };
    assert.deepEqual(once(), once());
  });

  it('warms up over its share of the updates, then stays', () => {
    const slow = { ...recipe, warmup: 0.5, miniBatch: 8 };
    const learner = learnerOf(9, slow, 8);
    const rates = [0, 1, 2, 3].map((i) => learner.learn(sampledBy(learner.policy.parameters, episodes(i)), 1, [i]));
    assert.deepEqual(
      rates.map(({ lr }) => lr),
      [0.5e-3, 1e-3, 1e-3, 1e-3],
    );
    assert.deepEqual(
      rates.map(({ criticLr }) => criticLr),
      [0.5e-2, 1e-2, 1e-2, 1e-2],
    );
  });
});

/**
 * Three rounds with several updates each, in which everything that PPO has plays a part. No reward is 0: the gradients of
 * a mini-batch without any are float noise, and AdamW makes steps as long as any of it.
 */
function threeRounds(options: { atOnce?: number } = {}) {
  const all = { ...recipe, miniBatch: 6, innerEpochs: 2, temperature: 0.7, klCoef: 0.1, entropyCoef: 0.01 };
  const learner = learnerOf(10, all, 18, options);
  const { parameters } = learner.policy;
  const rewarded = (seed: number) =>
    episodes(seed).map((episode) => ({ ...episode, reward: sum(episode.response) / episode.response.length / 11 }));
  const metrics = [0, 1, 2].map((i) => learner.learn(sampledBy(parameters, rewarded(i), 0.7), 1, [i]));
  const learned = { metrics, policy: weights(parameters), critic: weights(learner.critic?.parameters ?? {}) };
  learner.dispose();
  return learned;
}

describe('a captured round', () => {
  for (const [how, atOnce] of [
    ['whole', 16_384],
    ['in parts', 40],
  ] as const) {
    it(`goes as an eager one, step for step: ${how}`, () => {
      const captured = threeRounds({ atOnce });
      const eager = eagerly(() => threeRounds({ atOnce }));
      for (const [i, metrics] of eager.metrics.entries()) {
        assert.deepEqual(Object.keys(captured.metrics[i] ?? {}), Object.keys(metrics));
        close(Object.values(captured.metrics[i] ?? {}), Object.values(metrics), 1e-4, Object.keys(metrics).join());
      }
      for (const model of ['policy', 'critic'] as const) {
        for (const [name, values] of Object.entries(eager[model]))
          close(captured[model][name] ?? [], values, 5e-4, name);
      }
    });
  }

  it('does not learn from padding, whatever stands in it', () => {
    const { integer, normal } = random(3, 'figures');
    const batch = episodes(3).map((episode): Experience => {
      const drawn = () => Float32Array.from(episode.response, normal);
      const [oldLogProbs, values, advantages, returns] = [drawn(), drawn(), drawn(), drawn()];
      return { ...episode, oldLogProbs, referenceLogProbs: undefined, values, advantages, returns };
    });
    const spoiled = (rows: PaddedRows): PaddedRows => {
      const real = new Set(
        batch.flatMap(({ prompt, response }, row) =>
          [...prompt, ...response.slice(1)].map((_, t) => row * rows.time + t),
        ),
      );
      const isPredicted = spread(
        rows,
        batch.map(({ response }) => response.map(() => 1)),
      );
      const anyToken = () => integer(architecture.vocab);
      const tokens = rows.tokens.map((token, place) => (real.has(place) ? token : anyToken()));
      const targets = rows.targets.map((target, at) => (isPredicted[at] ? target : anyToken()));
      assert.notDeepEqual([tokens, targets], [rows.tokens, rows.targets]);
      return { ...rows, tokens, targets };
    };
    const trained = (longest: number, change: (rows: PaddedRows) => PaddedRows) => {
      const parameters = initialise(architecture, 1);
      const [policy, algorithm] = [adamw(parameters, recipe), ppo({ ...recipe, entropyCoef: 0.1 })];
      const updatePolicy = policyUpdates(policy, { architecture, parameters, temperature: 1 }, algorithm, {});
      const critic = criticRole(architecture, parameters, algorithm, recipe);
      const parts = inParts(batch, { context: architecture.context, longest, atOnce: 16_384 }).map((part) => ({
        ...part,
        rows: change(part.rows),
      }));
      const metrics = { ...critic.update(parts, 1e-2), ...updatePolicy(parts, 1e-2) };
      return { metrics, policy: weights(parameters), critic: weights(critic.trainable?.parameters ?? {}) };
    };
    const plain = trained(16, (rows) => rows);
    assert.deepEqual(trained(16, spoiled), plain);
    const shorter = trained(0, (rows) => rows);
    close(Object.values(shorter.metrics), Object.values(plain.metrics), 1e-5, 'metrics');
  });

  it('takes the log-probabilities of sampling for old ones: they are those that a pass finds', async () => {
    const parameters = initialise(architecture, 4);
    const prompts = episodes(4, 24).map(({ prompt }) => prompt);
    const sampling = { maxTokens: 8, temperature: 0.8, seed: 1, purpose: ['sampled'] };
    const responses = await generate(createGenerator(architecture, parameters, [0]), prompts, sampling);
    const round = responses.map(({ tokens, logProbs }, i) => ({
      prompt: prompts[i] as number[],
      response: tokens,
      logProbs,
      reward: 0,
    }));
    const measure = measureLogProbs({ architecture, parameters, temperature: 0.8 }, {});
    const measured = measure(inParts(round, layoutOf(round, architecture.context, 64)));
    for (const [i, { logProbs }] of round.entries()) close(measured[i] ?? [], logProbs, 2e-6, `response ${i}`);
  });
});

/** REINFORCE with the mean reward as its baseline, and the k3 estimate of the KL to the parent in its loss. */
const reinforce: Algorithm = {
  comparesWithParent: true,
  lossWeights: (lengths) => lengths.map(() => 1 / sum(lengths)),
  estimate({ episodes }) {
    const mean = sum(episodes.map(({ reward }) => reward)) / episodes.length;
    const advantages = episodes.map(({ reward, response }) => new Float32Array(response.length).fill(reward - mean));
    return { advantages, metrics: { baseline: mean } };
  },
  policyLoss({ logProbs, referenceLogProbs, advantages }) {
    const apart = tf.sub(referenceLogProbs ?? Number.NaN, logProbs);
    const kl = tf.sub(tf.sub(tf.exp(apart), 1), apart) as Tensor1D;
    return { loss: tf.sub(tf.mul(kl, 0.01), tf.mul(advantages, logProbs)), kl };
  },
};

describe('the loop', () => {
  it('is the same for an algorithm without a critic, whose loss compares with the parent', () => {
    const parameters = initialise(architecture, 2);
    const learner = createLearner(architecture, parameters, reinforce, { ...recipe, miniBatch: 32 }, 3);
    assert.equal(learner.critic, undefined);
    const round = episodes(2, 32);
    const before = round.map((episode) => sum(logProbsOf(parameters, episode, 1)));
    const rounds = [0, 1, 2].map((i) => learner.learn(round, 1, [i]));
    assert.deepEqual(Object.keys(rounds[0] ?? {}).sort(), ['baseline', 'gradientNorm', 'kl', 'lr', 'policyLoss']);
    near(rounds[0]?.kl, 0, 1e-6);
    assert.ok((rounds[2]?.kl ?? 0) > 1e-5, 'the parent stays as it was');
    const baseline = rounds[0]?.baseline ?? 0;
    const moved = round.map((episode, i) => sum(logProbsOf(parameters, episode, 1)) - (before[i] ?? 0));
    assert.ok(sum(moved.map((change, i) => change * ((round[i]?.reward ?? 0) - baseline))) > 0);
    learner.dispose();
  });
});
