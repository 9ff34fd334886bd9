/** REINFORCE leave-one-out (Ahmadian et al. 2024, arXiv 2402.14740; Kool et al. 2019). */
import type { CriticFree } from '../algorithm.ts';
import { type GroupedOptions, grouped, spreadOf } from './groups.ts';

/** RLOO: A_i = R_i - the mean of the others of its group (eq. 8 there). A response is one action: tokens' losses are summed. */
export function rloo(options: GroupedOptions): CriticFree {
  return grouped(options, leaveOneOutAdvantages);
}

/** The advantages of a group of n: R_i - Σ_{j≠i} R_j / (n - 1) = n / (n - 1) (R_i - mean R). */
export function leaveOneOutAdvantages(rewards: readonly number[]): number[] {
  const { mean } = spreadOf(rewards);
  const scale = rewards.length / (rewards.length - 1);
  return rewards.map((reward) => scale * (reward - mean));
}
