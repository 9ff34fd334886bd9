/** Rewards: of each token of a response, of the response as a whole, and of its length. */
import type { RlRecipe } from '../../schemas/types/job.ts';
import type { PerToken, Round } from '../algorithm.ts';
import { klEstimates } from './kl.ts';
import { moments } from './whiten.ts';

/** The options of the KL. */
export type KlOptions = Pick<RlRecipe, 'kl' | 'klEstimator' | 'klCoef'>;

/**
 * The rewards of the tokens of a round: the score of each response on its last token, and where the KL is in the reward the
 * KL taken from each; and the mean KL at a token, where the parent was measured.
 */
export function roundRewards(
  { episodes, logProbs, referenceLogProbs }: Round,
  { kl, klEstimator, klCoef }: KlOptions,
): { rewards: PerToken; metrics: { kl?: number } } {
  const estimates = referenceLogProbs?.map((reference, i) =>
    klEstimates(logProbs[i] as Float32Array, reference, klEstimator),
  );
  const taken = kl === 'reward' ? estimates : undefined;
  return {
    rewards: episodes.map(({ reward, response }, i) =>
      tokenRewards(reward, taken?.[i] ?? new Float32Array(response.length), klCoef),
    ),
    metrics: estimates === undefined ? {} : { kl: moments(estimates).mean },
  };
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

/** The reward of each response as a whole: the sum of its tokens' (as verl's estimators by outcome take it). */
export function responseRewards(rewards: PerToken): number[] {
  return rewards.map((tokens) => tokens.reduce((sum, reward) => sum + reward, 0));
}

/**
 * What the length of a response takes from its reward, 0 or less: nothing up to M - b tokens, and over the last b linearly
 * up to the penalty, min(0, -(n - (M - b)) / b · penalty) (DAPO's soft overlong punishment, Yu et al. 2025, arXiv
 * 2503.14476, eq. 13).
 */
export function overlongReward(
  length: number,
  {
    maxResponse,
    overlongBuffer,
    overlongPenalty,
  }: Pick<RlRecipe, 'maxResponse' | 'overlongBuffer' | 'overlongPenalty'>,
): number {
  if (overlongBuffer === 0) return 0;
  const over = length - (maxResponse - overlongBuffer);
  return over <= 0 ? 0 : (-over / overlongBuffer) * overlongPenalty;
}
