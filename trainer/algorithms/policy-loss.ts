/** What all algorithms share: the policy's loss, of the surrogate, the KL and the entropy, by the options of the recipe. */
import type { RlRecipe } from '../../schemas/types/job.ts';
import type { PolicyLearning } from '../algorithm.ts';
import { tf } from '../tf.ts';
import { lossWeights } from './aggregation.ts';
import { klLoss } from './kl.ts';
import type { KlOptions } from './rewards.ts';
import { type Clips, clippedTokens, surrogateLoss } from './surrogate.ts';

/** The options of the policy's loss. */
export type PolicyOptions = KlOptions & Clips & Pick<RlRecipe, 'entropyCoef' | 'lossAggregation' | 'maxResponse'>;

/**
 * The loss of each token: the clipped surrogate, plus klCoef times the KL where it is in the loss (Shao et al. 2024, arXiv
 * 2402.03300, eq. 3), minus entropyCoef times the entropy.
 */
export function policyLearning(options: PolicyOptions): PolicyLearning {
  const { kl, klEstimator, klCoef, entropyCoef } = options;
  const comparesWithParent = kl !== 'off' && klCoef > 0;
  return {
    comparesWithParent,
    lossWeights: (lengths) => lossWeights(lengths, options),
    policyLoss({ logProbs, entropies, oldLogProbs, referenceLogProbs, advantages }) {
      let loss = surrogateLoss(logProbs, oldLogProbs, advantages, options);
      if (comparesWithParent && kl === 'loss') {
        if (referenceLogProbs === undefined) throw new Error('a KL in the loss without a parent that was measured');
        loss = tf.add(loss, tf.mul(klCoef, klLoss(logProbs, referenceLogProbs, klEstimator)));
      }
      if (entropyCoef !== 0) loss = tf.sub(loss, tf.mul(entropyCoef, entropies));
      return { loss, entropy: entropies, ...clippedTokens(logProbs, oldLogProbs, advantages, options) };
    },
  };
}
