/**
 * The algorithms of reinforcement learning against PyTorch: advantages, losses and gradients of rounds that
 * scripts/fixtures/rl.py drew, by the published formulas over padded rows, in float64. The trainer computes in float32.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import fc from 'fast-check';
import type { RlRecipe } from '../../schemas/types/job.ts';
import type { ActorCritic, Algorithm, PerToken } from '../../trainer/algorithm.ts';
import { lossWeights } from '../../trainer/algorithms/aggregation.ts';
import { algorithmOf } from '../../trainer/algorithms/choose.ts';
import { centredAdvantages } from '../../trainer/algorithms/dr-grpo.ts';
import { normalisedAdvantages } from '../../trainer/algorithms/grpo.ts';
import { overlongReward } from '../../trainer/algorithms/rewards.ts';
import { leaveOneOutAdvantages } from '../../trainer/algorithms/rloo.ts';
import type { Episode } from '../../trainer/episode.ts';
import { tokenLogProbs } from '../../trainer/ops.ts';
import { entropy } from '../../trainer/policy.ts';
import { inGroups } from '../../trainer/portions.ts';
import { tf } from '../../trainer/tf.ts';
import { close } from './support.ts';

/** Ragged: a list a response. Logits have a row of the vocabulary at each token. */
interface Round {
  tokens: number[][];
  rewards: number[];
  logits: number[][][];
  old: number[][][];
  parent: number[][][];
  values: number[][];
  newValues: number[][];
}

interface Case {
  name: string;
  options: RlRecipe;
  /** Whether the round is one update, so that the policy is still that which sampled. */
  once: boolean;
  expected: {
    advantages: number[][];
    loss: number;
    gradient: number[][][];
    figures: Record<string, number>;
    kl?: number;
    critic?: { returns: number[][]; loss: number; gradient: number[][] };
  };
}

const fixture = new URL('../../../test/trainer/reference/rl.json', import.meta.url);
const { round, cases } = JSON.parse(readFileSync(fixture, 'utf8')) as { round: Round; cases: Case[] };

/** ln p of the response tokens under softmax(logits), in double precision. */
function logProbsOf(logits: readonly number[][][]): PerToken {
  return logits.map((rows, i) =>
    Float32Array.from(rows, (row, t) => {
      const largest = Math.max(...row);
      const sum = row.reduce((total, logit) => total + Math.exp(logit - largest), 0);
      return (row[round.tokens[i]?.[t] as number] as number) - largest - Math.log(sum);
    }),
  );
}

const flat = (ragged: readonly ArrayLike<number>[]) => ragged.flatMap((numbers) => Array.from(numbers));
const perToken = (ragged: readonly (readonly number[])[]) => ragged.map((numbers) => Float32Array.from(numbers));
const oldLogProbs = logProbsOf(round.old);
const parentLogProbs = logProbsOf(round.parent);

function estimate(algorithm: Algorithm, options: RlRecipe) {
  const episodes = round.tokens.map((response, i): Episode => {
    const reward = (round.rewards[i] as number) + overlongReward(response.length, options);
    return { prompt: [0], response, logProbs: [...(oldLogProbs[i] as Float32Array)], reward };
  });
  const referenceLogProbs = algorithm.comparesWithParent ? parentLogProbs : undefined;
  const before = { episodes, logProbs: oldLogProbs, referenceLogProbs };
  return algorithm.critic === undefined
    ? { ...algorithm.estimate(before), returns: undefined }
    : algorithm.estimate({ ...before, values: perToken(round.values) });
}

function weightsOf(algorithm: Algorithm): Tensor1D {
  const weights = algorithm.lossWeights(round.tokens.map(({ length }) => length));
  return tf.tensor1d(round.tokens.flatMap((response, i) => response.map(() => weights[i] as number)));
}

/** The loss of the policy, its gradient by the logits, and means of the figures beside it. */
function learn(algorithm: Algorithm, advantages: PerToken, once: boolean) {
  const targets = tf.tensor1d(round.tokens.flat(), 'int32');
  const weights = weightsOf(algorithm);
  let figures: Record<string, number> = {};
  const loss = (x: Tensor) => {
    const scores = x as Tensor2D;
    const logProbs = tokenLogProbs(scores, targets);
    const old = once ? logProbs.dataSync() : Float32Array.from(flat(oldLogProbs));
    const { loss, ...others } = algorithm.policyLoss({
      logProbs,
      entropies: entropy(scores),
      oldLogProbs: tf.tensor1d(Float32Array.from(old)),
      referenceLogProbs: algorithm.comparesWithParent ? tf.tensor1d(flat(parentLogProbs)) : undefined,
      advantages: tf.tensor1d(flat(advantages)),
    });
    figures = Object.fromEntries(
      Object.entries(others).map(([name, each]) => [name, tf.mean(each).dataSync()[0] ?? 0]),
    );
    return tf.sum(tf.mul(loss, weights));
  };
  const logits = tf.tensor2d((once ? round.old : round.logits).flat());
  const { value, grad } = tf.valueAndGrad(loss)(logits);
  return { loss: value.dataSync(), gradient: grad.dataSync(), figures };
}

function learnValues(algorithm: ActorCritic, returns: PerToken) {
  const weights = weightsOf(algorithm);
  const loss = (values: Tensor) =>
    tf.sum(
      tf.mul(
        algorithm.critic.loss(values as Tensor1D, tf.tensor1d(flat(round.values)), tf.tensor1d(flat(returns))),
        weights,
      ),
    );
  const { value, grad } = tf.valueAndGrad(loss)(tf.tensor1d(flat(round.newValues)));
  return { loss: value.dataSync(), gradient: grad.dataSync() };
}

describe('algorithms as their papers have them', () => {
  for (const { name, options, once, expected } of cases) {
    it(name, () => {
      tf.tidy(() => {
        const algorithm = algorithmOf(options);
        const { advantages, returns, metrics } = estimate(algorithm, options);
        close(flat(advantages), expected.advantages.flat(), 1e-5, 'advantages');
        if (expected.kl !== undefined) close([metrics.kl ?? Number.NaN], [expected.kl], 1e-5, 'kl');
        const { loss, gradient, figures } = learn(algorithm, advantages, once);
        // The surrogate of whitened advantages nearly cancels out: it is as exact as what was added up.
        close([...loss, 1], [expected.loss, 1], 1e-5, 'loss');
        close(gradient, expected.gradient.flat(2), 1e-5, 'gradient');
        for (const [figure, value] of Object.entries(expected.figures)) {
          close([figures[figure] ?? Number.NaN, 1], [value, 1], 1e-5, figure);
        }
        assert.equal(algorithm.critic === undefined, expected.critic === undefined);
        if (algorithm.critic === undefined || expected.critic === undefined || returns === undefined) return;
        close(flat(returns), expected.critic.returns.flat(), 1e-5, 'returns');
        const values = learnValues(algorithm, returns);
        close(values.loss, [expected.critic.loss], 1e-5, 'value loss');
        close(values.gradient, expected.critic.gradient.flat(), 1e-5, 'gradient by values');
      });
    });
  }

  it('each of them is among the cases, and every way of the options', () => {
    const seen = (option: keyof RlRecipe) => new Set(cases.map(({ options }) => options[option]));
    assert.equal(seen('algorithm').size, 6);
    assert.equal(seen('lossAggregation').size, 4);
    for (const kl of ['reward', 'loss']) {
      const estimators = cases.flatMap(({ options }) => (options.kl === kl ? [options.klEstimator] : []));
      assert.deepEqual([...new Set(estimators)].sort(), ['k1', 'k2', 'k3'], kl);
    }
    const figures = ['clipFractionLow', 'clipFractionHigh', 'clipFractionDual'];
    for (const figure of figures)
      assert.ok(
        cases.some(({ expected }) => (expected.figures[figure] ?? 0) > 0),
        figure,
      );
  });
});

describe('advantages within a group', () => {
  const rewards = fc.array(fc.integer({ min: -8, max: 8 }), { minLength: 2, maxLength: 12 });

  it('add up to nothing, and are nothing where all rewards are equal', () => {
    fc.assert(
      fc.property(rewards, (group) => {
        for (const advantagesOf of [normalisedAdvantages, centredAdvantages, leaveOneOutAdvantages]) {
          const sum = advantagesOf(group).reduce((total, advantage) => total + advantage, 0);
          assert.ok(Math.abs(sum) < 1e-9, `${sum}`);
          assert.deepEqual(new Set(advantagesOf(group.map(() => 3))), new Set([0]));
        }
      }),
    );
  });

  it('leaving one out compares with the mean of the others', () => {
    fc.assert(
      fc.property(rewards, (group) => {
        const found = leaveOneOutAdvantages(group);
        for (const [i, reward] of group.entries()) {
          const others = group.filter((_, j) => j !== i);
          const mean = others.reduce((total, other) => total + other, 0) / others.length;
          assert.ok(Math.abs((found[i] as number) - (reward - mean)) < 1e-9);
        }
      }),
    );
  });

  it('are of responses that stand side by side', () => {
    assert.deepEqual(inGroups([1, 2, 3, 4, 5, 6], 3), [
      [1, 2, 3],
      [4, 5, 6],
    ]);
  });
});

describe('weights in the loss', () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 });
  const total = (weights: readonly number[], of: readonly number[]) =>
    weights.reduce((sum, weight, i) => sum + weight * (of[i] as number), 0);

  it('of means add up to one over all tokens', () => {
    fc.assert(
      fc.property(lengths, fc.constantFrom('token-mean', 'seq-mean-token-mean'), (of, lossAggregation) => {
        assert.ok(Math.abs(total(lossWeights(of, { lossAggregation, maxResponse: 9 }), of) - 1) < 1e-12);
      }),
    );
  });

  it('of sums do not know how long a response is', () => {
    fc.assert(
      fc.property(lengths, (of) => {
        const sums = lossWeights(of, { lossAggregation: 'seq-mean-token-sum', maxResponse: 9 });
        assert.deepEqual(new Set(sums), new Set([1 / of.length]));
        const shares = lossWeights(of, { lossAggregation: 'seq-mean-token-sum-norm', maxResponse: 9 });
        close(
          shares,
          sums.map((weight) => weight / 9),
        );
      }),
    );
  });
});

describe('the reward of long responses', () => {
  const options = { maxResponse: 20, overlongBuffer: 4, overlongPenalty: 0.5 };

  it('falls over the buffer, and is as it is before', () => {
    close(
      [1, 16, 17, 18, 20].map((length) => overlongReward(length, options)),
      [0, 0, -0.125, -0.25, -0.5],
    );
  });

  it('is as it is where there is no buffer', () => {
    assert.equal(overlongReward(20, { ...options, overlongBuffer: 0 }), 0);
  });
});
