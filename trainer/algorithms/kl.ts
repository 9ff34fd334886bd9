/**
 * Estimates of the KL divergence of a policy from its parent at each token that was drawn from the policy (Schulman 2020,
 * "Approximating KL divergence", joschu.net/blog/kl-approx.html): with d = ln p - ln p_parent, in nats,
 *
 *     k1 = d        k2 = d² / 2        k3 = exp(-d) + d - 1
 *
 * k1 and k3 are unbiased. As a loss k2 has the gradient of the KL, and the others have not. As in verl's `kl_penalty` k3
 * takes d within ±20 and is itself within ±10, so that one odd token cannot overflow.
 */
import type { Tensor1D } from '@tensorflow/tfjs-node';
import type { RlRecipe } from '../../schemas/types/job.ts';
import { tf } from '../tf.ts';

type Estimator = RlRecipe['klEstimator'];

/** Largest difference of logarithms that goes into exp, here and in ratios. */
export const largestLogRatio = 20;
const largestK3 = 10;

/** The estimate at each token of one response. */
export function klEstimates(logProbs: Float32Array, reference: Float32Array, estimator: Estimator): Float32Array {
  return logProbs.map((logProb, t) => estimate(logProb - (reference[t] as number), estimator));
}

function estimate(difference: number, estimator: Estimator): number {
  switch (estimator) {
    case 'k1':
      return difference;
    case 'k2':
      return difference ** 2 / 2;
    case 'k3': {
      const d = Math.min(largestLogRatio, Math.max(-largestLogRatio, difference));
      return Math.min(largestK3, Math.exp(-d) + d - 1);
    }
    default:
      return estimator satisfies never;
  }
}

/** The same of tensors, [N], with a gradient by `logProbs`. */
export function klLoss(logProbs: Tensor1D, reference: Tensor1D, estimator: Estimator): Tensor1D {
  const difference = tf.sub(logProbs, reference) as Tensor1D;
  switch (estimator) {
    case 'k1':
      return difference;
    case 'k2':
      return tf.mul(0.5, tf.square(difference));
    case 'k3': {
      const d = tf.clipByValue(difference, -largestLogRatio, largestLogRatio);
      return tf.clipByValue(tf.sub(tf.add(tf.exp(tf.neg(d)), d), 1), -largestK3, largestK3) as Tensor1D;
    }
    default:
      return estimator satisfies never;
  }
}
