/** Rewards compared within groups: the responses to one prompt, which stand side by side in a round. */
import type { RlRecipe } from '../../schemas/types/job.ts';
import type { CriticFree, PerToken } from '../algorithm.ts';
import { inGroups } from '../portions.ts';
import { type PolicyOptions, policyLearning } from './policy-loss.ts';
import { responseRewards, roundRewards } from './rewards.ts';
import { whiten } from './whiten.ts';

/** The options of an algorithm with groups. */
export type GroupedOptions = PolicyOptions & Pick<RlRecipe, 'responses' | 'whiten'>;

/**
 * An algorithm whose advantages are those of each response within its group, the same at each token of it.
 *
 * @param advantagesOf the advantages of one group, of the rewards of its responses (two at least)
 */
export function grouped(options: GroupedOptions, advantagesOf: (rewards: readonly number[]) => number[]): CriticFree {
  return {
    ...policyLearning(options),
    estimate(round) {
      const { rewards, metrics } = roundRewards(round, options);
      const found = inGroups(responseRewards(rewards), options.responses).flatMap(advantagesOf);
      const advantages: PerToken = round.episodes.map(({ response }, i) =>
        new Float32Array(response.length).fill(found[i] as number),
      );
      return { advantages: options.whiten ? whiten(advantages) : advantages, metrics };
    },
  };
}

/** The mean of a group, and its deviation with Bessel's correction. */
export function spreadOf(rewards: readonly number[]): { mean: number; deviation: number } {
  const mean = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
  const squares = rewards.reduce((sum, reward) => sum + (reward - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / (rewards.length - 1)) };
}
