/**
 * Proximal policy optimisation (Schulman et al. 2017, arXiv 1707.06347) on a verifiable reward, with a critic. Before an
 * update a response is a ragged list of tokens and needs no mask: what verl computes over padded rows (`core_algos.py`),
 * masked, is the same figure. In an update all are [N], padding among them, which has no weight in the sums.
 */
import type { Tensor1D } from '@tensorflow/tfjs-node';
import type { RlAlgorithm, RlRecipe } from '../../schemas/types/job.ts';
import type { ActorCritic } from '../algorithm.ts';
import { tf } from '../tf.ts';
import { type PolicyOptions, policyLearning } from './policy-loss.ts';
import { generalisedAdvantages } from './returns.ts';
import { roundRewards } from './rewards.ts';
import { moments, whiten } from './whiten.ts';

/** The options of PPO. */
export type PpoOptions = PolicyOptions &
  Pick<RlRecipe, 'whiten'> &
  Omit<Extract<RlAlgorithm, { algorithm: 'ppo' }>, 'algorithm'>;

/** PPO: generalised advantages of the critic's values, whitened over the round unless `whiten` says otherwise. */
export function ppo(options: PpoOptions): ActorCritic {
  const { gamma, lambda, valueClip, criticLr } = options;
  return {
    ...policyLearning(options),
    estimate(round) {
      const { rewards, metrics } = roundRewards(round, options);
      const estimates = rewards.map((tokens, i) =>
        generalisedAdvantages(tokens, round.values[i] as Float32Array, gamma, lambda),
      );
      const [advantages, returns] = [estimates.map((each) => each.advantages), estimates.map((each) => each.returns)];
      return {
        advantages: options.whiten ? whiten(advantages) : advantages,
        returns,
        metrics: { ...metrics, explainedVariance: explainedVariance(returns, round.values) },
      };
    },
    critic: {
      lr: criticLr,
      loss: (values, oldValues, returns) => valueLoss(values, oldValues, returns, valueClip),
    },
  };
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
 * The critic's loss of each token: half the larger of (V - return)^2 and (clip(V, V_old - e, V_old + e) - return)^2
 * (Schulman's baselines/ppo2, and verl). All arguments are [N], and so is the result.
 */
export function valueLoss(values: Tensor1D, oldValues: Tensor1D, returns: Tensor1D, valueClip: number): Tensor1D {
  const near = tf.add(oldValues, tf.clipByValue(tf.sub(values, oldValues), -valueClip, valueClip));
  return tf.mul(0.5, tf.maximum(tf.squaredDifference(values, returns), tf.squaredDifference(near, returns)));
}
