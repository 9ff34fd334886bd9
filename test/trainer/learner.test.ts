import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Tensor2D } from '@tensorflow/tfjs-node';
import type { Architecture } from '../../schemas/types/job.ts';
import type { Episode } from '../../trainer/episode.ts';
import { initialise } from '../../trainer/init.ts';
import { createLearner, type LearnerRecipe } from '../../trainer/learner.ts';
import { hiddenStates, logits, type Parameters } from '../../trainer/model.ts';
import { random } from '../../trainer/random.ts';
import { tf } from '../../trainer/tf.ts';

const architecture: Architecture = {
  layers: 2,
  hidden: 16,
  heads: 2,
  kvHeads: 1,
  ffn: 32,
  vocab: 12,
  context: 16,
  ropeTheta: 10_000,
  normEpsilon: 1e-5,
};

const recipe: LearnerRecipe = {
  algorithm: 'ppo',
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
    const learner = createLearner(architecture, initialise(architecture, 1), recipe, 1);
    const first = learner.learn(episodes(1), 1, [0]);
    // Ratios are 1 and advantages are whitened: the surrogate is minus their mean, 0.
    near(first.policyLoss, 0, 1e-5);
    assert.equal(first.clipFraction, 0);
    assert.ok((first.gradientNorm ?? 0) > 0.01, 'yet there is a gradient');

    const often = { ...recipe, innerEpochs: 6, lr: 1e-2 };
    const parameters = initialise(architecture, 1);
    const second = createLearner(architecture, parameters, often, 6).learn(sampledBy(parameters, episodes(1)), 1, [0]);
    assert.ok((second.policyLoss ?? 0) < -0.01, `policy loss ${second.policyLoss}`);
    assert.ok((second.clipFraction ?? 0) > 0, `clip fraction ${second.clipFraction}`);
  });

  it('clips nothing where a round is one update: the clip ranges change no bit', () => {
    const trained = (clipRatio: number, valueClip: number, innerEpochs: number) => {
      const parameters = initialise(architecture, 1);
      const learner = createLearner(
        architecture,
        parameters,
        { ...recipe, innerEpochs, clipRatio, valueClip, lr: 1e-2 },
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
    createLearner(architecture, parameters, { ...recipe, miniBatch: 32 }, 1).learn(round, 1, [0]);
    const moved = round.map((episode, i) => sum(logProbsOf(parameters, episode, 1)) - (before[i] ?? 0));
    const along = sum(moved.map((change, i) => change * ((round[i]?.reward ?? 0) - average)));
    assert.ok(along > 0, `covariance of change and reward ${along}`);
  });

  for (const miniBatch of [16, 8]) {
    it(`measures the KL as it is by definition, at the temperature, in rounds of ${16 / miniBatch} updates`, () => {
      for (const temperature of [1, 0.5]) {
        const parameters = initialise(architecture, 3);
        const learner = createLearner(architecture, parameters, { ...recipe, miniBatch, temperature, klCoef: 0.1 }, 4);
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
    const still = createLearner(architecture, initialise(architecture, 1), recipe, 2);
    assert.equal(still.learn(flat(1), 1, [0]).gradientNorm, 0);
    assert.equal(still.learn(flat(1), 1, [0]).kl, undefined, 'no reference is evaluated');

    const parameters = initialise(architecture, 1);
    const held = createLearner(architecture, parameters, { ...recipe, miniBatch: 8, klCoef: 0.5 }, 6);
    held.learn(sampledBy(parameters, episodes(1)), 1, [0]);
    assert.ok((held.learn(sampledBy(parameters, flat(2)), 1, [1]).gradientNorm ?? 0) > 0.01);
  });

  it('raises the entropy when there is nothing but its bonus', () => {
    const flat = episodes(5).map((episode) => ({ ...episode, reward: 0 }));
    const learner = createLearner(architecture, initialise(architecture, 5), { ...recipe, entropyCoef: 1 }, 10);
    const entropies = Array.from({ length: 10 }, (_, i) => learner.learn(flat, 1, [i]).entropy ?? 0);
    assert.ok((entropies.at(-1) ?? 0) > (entropies[0] ?? 0), String(entropies));
  });

  it('has a critic that comes to explain returns it can know', () => {
    // The reward is the first token of the prompt: known before the response begins.
    const round = (seed: number) =>
      episodes(seed, 64).map((episode) => ({ ...episode, reward: (episode.prompt[0] ?? 0) > 5 ? 1 : 0 }));
    const learner = createLearner(architecture, initialise(architecture, 6), { ...recipe, miniBatch: 64 }, 20);
    const explained = Array.from({ length: 20 }, (_, i) => learner.learn(round(i), 1, [i]).explainedVariance ?? 0);
    assert.equal(explained[0], 0);
    assert.ok((explained.at(-1) ?? 0) > 0.5, String(explained));
  });

  it('gives the same update whole and in parts', () => {
    const learned = [16_384, 40].map((atOnce) => {
      const parameters = initialise(architecture, 7);
      const learner = createLearner(architecture, parameters, { ...recipe, miniBatch: 8, klCoef: 0.1 }, 6, { atOnce });
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
      const learner = createLearner(architecture, parameters, shuffled, 12);
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
    const learner = createLearner(architecture, initialise(architecture, 9), slow, 8);
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
