/**
 * The clipped surrogate of PPO (Schulman et al. 2017, arXiv 1707.06347, eq. 7), with bounds of their own below and above
 * (DAPO, Yu et al. 2025, arXiv 2503.14476, eq. 10) and a dual clip (Ye et al. 2020, arXiv 1912.09729, eq. 5). With r = p /
 * p_old and the advantage A, as verl's `compute_policy_loss` has it,
 *
 *     L = max(-A r, -A clip(r, 1 - low, 1 + high))        where A < 0:  min(L, -A c)
 */
import type { Tensor1D } from '@tensorflow/tfjs-node';
import type { RlRecipe } from '../../schemas/types/job.ts';
import { tf } from '../tf.ts';
import { largestLogRatio } from './kl.ts';

/** The bounds: low, high and c, which is off where it is 0. */
export type Clips = Pick<RlRecipe, 'clipRatio' | 'clipRatioHigh' | 'dualClip'>;

/** The surrogate's loss of each token; all are [N], and so is the result. */
export function surrogateLoss(logProbs: Tensor1D, oldLogProbs: Tensor1D, advantages: Tensor1D, clips: Clips): Tensor1D {
  const { plain, clipped, largest } = surrogates(logProbs, oldLogProbs, advantages, clips);
  const loss = tf.maximum(plain, clipped) as Tensor1D;
  return largest === undefined ? loss : tf.where(tf.less(advantages, 0), tf.minimum(loss, largest), loss);
}

/** Which tokens were clipped, so that they have no gradient: 1 for each that was, else 0; all are [N]. */
export type Clipped = Record<'clipFraction' | 'clipFractionLow' | 'clipFractionHigh' | 'clipFractionDual', Tensor1D>;

/** The tokens clipped at the bound below, the one above, either of them, and by the dual clip. */
export function clippedTokens(logProbs: Tensor1D, oldLogProbs: Tensor1D, advantages: Tensor1D, clips: Clips): Clipped {
  const { plain, clipped, largest } = surrogates(logProbs, oldLogProbs, advantages, clips);
  const either = tf.greater(clipped, plain);
  const isNegative = tf.less(advantages, 0);
  const counted = (tokens: ReturnType<typeof tf.greater>) => tf.cast(tokens, 'float32') as Tensor1D;
  return {
    clipFraction: counted(either),
    clipFractionLow: counted(tf.logicalAnd(either, isNegative)),
    clipFractionHigh: counted(tf.logicalAnd(either, tf.logicalNot(isNegative))),
    clipFractionDual:
      largest === undefined
        ? (tf.zerosLike(advantages) as Tensor1D)
        : counted(tf.logicalAnd(tf.greater(tf.maximum(plain, clipped), largest), isNegative)),
  };
}

function surrogates(
  logProbs: Tensor1D,
  oldLogProbs: Tensor1D,
  advantages: Tensor1D,
  { clipRatio, clipRatioHigh, dualClip }: Clips,
) {
  const logRatio = tf.clipByValue(tf.sub(logProbs, oldLogProbs), -largestLogRatio, largestLogRatio);
  const ratio = tf.exp(logRatio) as Tensor1D;
  const losses = tf.neg(advantages) as Tensor1D;
  return {
    plain: tf.mul(losses, ratio) as Tensor1D,
    clipped: tf.mul(losses, tf.clipByValue(ratio, 1 - clipRatio, 1 + clipRatioHigh)) as Tensor1D,
    largest: dualClip === 0 ? undefined : (tf.mul(losses, dualClip) as Tensor1D),
  };
}
