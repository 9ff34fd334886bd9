/**
 * PPO on a verifiable reward, and its formulas one by one, without a model. Before an update a response is a ragged list of
 * tokens and needs no mask: what verl computes over padded rows (`core_algos.py`), masked, is the same figure. In an update
 * all are [N], padding among them, which has no weight in the sums.
 *
 * Deviations from verl: the dual clip (c = 3) is left out, as in the paper (Schulman et al. 2017, arXiv 1707.06347).
 */
import type { Tensor1D } from '@tensorflow/tfjs-node';
import type { RlRecipe } from '../schemas/types/job.ts';
import type { ActorCritic } from './algorithm.ts';
import { tf } from './tf.ts';

/** The options of PPO. */
export type PpoOptions = Pick<RlRecipe, 'gamma' | 'lambda' | 'clipRatio' | 'valueClip' | 'klCoef' | 'entropyCoef'>;

/**
 * Proximal policy optimisation with a critic: the KL to the parent is taken from the rewards, advantages are whitened over
 * the round, and an entropy bonus may be part of the policy's loss.
 */
export function ppo({ gamma, lambda, clipRatio, valueClip, klCoef, entropyCoef }: PpoOptions): ActorCritic {
  return {
    comparesWithParent: klCoef > 0,
    estimate({ episodes, logProbs, referenceLogProbs, values }) {
      const kl = referenceLogProbs?.map((reference, i) => klEstimates(logProbs[i] as Float32Array, reference));
      const estimates = episodes.map(({ reward, response }, i) => {
        const rewards = tokenRewards(reward, kl?.[i] ?? new Float32Array(response.length), klCoef);
        return generalisedAdvantages(rewards, values[i] as Float32Array, gamma, lambda);
      });
      const returns = estimates.map((estimate) => estimate.returns);
      return {
        advantages: whiten(estimates.map((estimate) => estimate.advantages)),
        returns,
        metrics: { ...(kl && { kl: moments(kl).mean }), explainedVariance: explainedVariance(returns, values) },
      };
    },
    policyLoss({ logProbs, entropies, oldLogProbs, advantages }) {
      const losses = policyLoss(logProbs, oldLogProbs, advantages, clipRatio);
      return {
        loss: entropyCoef === 0 ? losses : tf.sub(losses, tf.mul(entropyCoef, entropies)),
        entropy: entropies,
        clipFraction: clippedTokens(logProbs, oldLogProbs, advantages, clipRatio),
      };
    },
    critic: { loss: (values, oldValues, returns) => valueLoss(values, oldValues, returns, valueClip) },
  };
}

/** Log-ratios are cut to ± this before exp, as verl does, so that one odd token cannot overflow. */
const largestLogRatio = 20;

/**
 * The k1 estimate of the KL divergence from a reference at each token: log p - log p_reference (nats), where the token
 * was drawn from p. Unbiased, and negative for single tokens (Schulman 2020, "Approximating KL divergence").
 */
export function klEstimates(logProbs: Float32Array, reference: Float32Array): Float32Array {
  return logProbs.map((logProb, t) => logProb - (reference[t] as number));
}

/**
 * The reward of each token of one response: -coefficient * kl[t], and the score of the whole on the last token (Ziegler
 * et al. 2019, arXiv 1909.08593, eq. 2).
 */
export function tokenRewards(score: number, kl: Float32Array, coefficient: number): Float32Array {
  const rewards = kl.map((value) => (coefficient === 0 ? 0 : -coefficient * value));
  const last = rewards.length - 1;
  rewards[last] = (rewards[last] as number) + score;
  return rewards;
}

/**
 * Generalised advantage estimation over one response (Schulman et al. 2016, arXiv 1506.02438): delta_t = r_t + gamma *
 * V_{t+1} - V_t, A_t = delta_t + gamma * lambda * A_{t+1}, return_t = A_t + V_t. The value after the last token is 0,
 * also where the response was cut at the longest length: the episode ends there.
 */
export function generalisedAdvantages(
  rewards: Float32Array,
  values: Float32Array,
  gamma: number,
  lambda: number,
): { advantages: Float32Array; returns: Float32Array } {
  const advantages = new Float32Array(rewards.length);
  const returns = new Float32Array(rewards.length);
  let advantage = 0;
  let nextValue = 0;
  for (let t = rewards.length - 1; t >= 0; t--) {
    const value = values[t] as number;
    const delta = (rewards[t] as number) + gamma * nextValue - value;
    advantage = delta + gamma * lambda * advantage;
    advantages[t] = advantage;
    returns[t] = advantage + value;
    nextValue = value;
  }
  return { advantages, returns };
}

/**
 * Advantages of a whole batch shifted to mean 0 and scaled to deviation 1 over all of its tokens, with Bessel's
 * correction: (A - mean) / sqrt(variance + 1e-8), as verl's `masked_whiten`. A single token is only shifted, to 0.
 */
export function whiten(responses: readonly Float32Array[]): Float32Array[] {
  const { count, mean, squares } = moments(responses);
  const scale = count > 1 ? 1 / Math.sqrt(squares / (count - 1) + 1e-8) : 1;
  return responses.map((advantages) => advantages.map((advantage) => (advantage - mean) * scale));
}

/**
 * How much of the variance of the returns the critic's values explain: 1 - Var(return - value) / Var(return). 1 is
 * perfect, 0 no better than a constant, below 0 worse. Where all returns are equal there is nothing to explain: 0.
 */
export function explainedVariance(returns: readonly Float32Array[], values: readonly Float32Array[]): number {
  const total = moments(returns).squares;
  const residuals = returns.map((response, i) => response.map((value, t) => value - (values[i]?.[t] as number)));
  return total < 1e-12 ? 0 : 1 - moments(residuals).squares / total;
}

/**
 * The clipped surrogate loss of each token, to be minimised: max(-A * ratio, -A * clip(ratio, 1 - e, 1 + e)) with ratio
 * = p / p_old (PPO, eq. 7, sign turned). All arguments are [N], and so is the result; its gradient flows to `logProbs`.
 */
export function policyLoss(
  logProbs: Tensor1D,
  oldLogProbs: Tensor1D,
  advantages: Tensor1D,
  clipRatio: number,
): Tensor1D {
  const { plain, clipped } = surrogates(logProbs, oldLogProbs, advantages, clipRatio);
  return tf.maximum(plain, clipped);
}

/** 1 for each token whose surrogate was clipped, so that it has no gradient, else 0; all are [N]. */
export function clippedTokens(
  logProbs: Tensor1D,
  oldLogProbs: Tensor1D,
  advantages: Tensor1D,
  clipRatio: number,
): Tensor1D {
  const { plain, clipped } = surrogates(logProbs, oldLogProbs, advantages, clipRatio);
  return tf.cast(tf.greater(clipped, plain), 'float32');
}

/**
 * The critic's loss of each token: half the larger of (V - return)^2 and (clip(V, V_old - e, V_old + e) - return)^2
 * (Schulman's baselines/ppo2, and verl). All arguments are [N], and so is the result.
 */
export function valueLoss(values: Tensor1D, oldValues: Tensor1D, returns: Tensor1D, valueClip: number): Tensor1D {
  const near = tf.add(oldValues, tf.clipByValue(tf.sub(values, oldValues), -valueClip, valueClip));
  return tf.mul(0.5, tf.maximum(tf.squaredDifference(values, returns), tf.squaredDifference(near, returns)));
}

function surrogates(logProbs: Tensor1D, oldLogProbs: Tensor1D, advantages: Tensor1D, clipRatio: number) {
  const logRatio = tf.clipByValue(tf.sub(logProbs, oldLogProbs), -largestLogRatio, largestLogRatio);
  const ratio = tf.exp(logRatio) as Tensor1D;
  const gains = tf.neg(advantages) as Tensor1D;
  return {
    plain: tf.mul(gains, ratio) as Tensor1D,
    clipped: tf.mul(gains, tf.clipByValue(ratio, 1 - clipRatio, 1 + clipRatio)) as Tensor1D,
  };
}

/** Count, mean and sum of squared deviations of all tokens of all responses, in two passes. */
function moments(responses: readonly Float32Array[]): { count: number; mean: number; squares: number } {
  let count = 0;
  let sum = 0;
  for (const response of responses) {
    count += response.length;
    for (const value of response) sum += value;
  }
  const mean = count === 0 ? 0 : sum / count;
  let squares = 0;
  for (const response of responses) for (const value of response) squares += (value - mean) ** 2;
  return { count, mean, squares };
}
