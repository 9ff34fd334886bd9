/** REINFORCE++ (Hu 2025, arXiv 2501.03262). */
import type { RlAlgorithm, RlRecipe } from '../../schemas/types/job.ts';
import type { CriticFree } from '../algorithm.ts';
import { type PolicyOptions, policyLearning } from './policy-loss.ts';
import { discountedReturns } from './returns.ts';
import { roundRewards } from './rewards.ts';
import { whiten } from './whiten.ts';

/** The options of REINFORCE++. */
export type ReinforceOptions = PolicyOptions &
  Pick<RlRecipe, 'whiten'> &
  Omit<Extract<RlAlgorithm, { algorithm: 'reinforce_plus_plus' }>, 'algorithm'>;

/**
 * REINFORCE++: the return of each token, the KL taken from its rewards, whitened over the round (3.2 there, and verl's
 * `compute_reinforce_plus_plus_outcome_advantage`), under the clipped surrogate of PPO.
 */
export function reinforcePlusPlus(options: ReinforceOptions): CriticFree {
  return {
    ...policyLearning(options),
    estimate(round) {
      const { rewards, metrics } = roundRewards(round, options);
      const returns = rewards.map((tokens) => discountedReturns(tokens, options.gamma));
      return { advantages: options.whiten ? whiten(returns) : returns, metrics };
    },
  };
}
