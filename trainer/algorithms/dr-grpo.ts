/** Dr. GRPO, "GRPO done right" (Liu et al. 2025, arXiv 2503.20783). */
import type { CriticFree } from '../algorithm.ts';
import { type GroupedOptions, grouped, spreadOf } from './groups.ts';

/**
 * Dr. GRPO: A_i = R_i - mean R within a group. It leaves out GRPO's deviation, which weighs easy and hard prompts more, and
 * the length in the loss, which favours long wrong responses: that is `lossAggregation` seq-mean-token-sum-norm (3.2 there).
 */
export function drGrpo(options: GroupedOptions): CriticFree {
  return grouped(options, centredAdvantages);
}

/** The advantages of a group, of the rewards of its responses. */
export function centredAdvantages(rewards: readonly number[]): number[] {
  const { mean } = spreadOf(rewards);
  return rewards.map((reward) => reward - mean);
}
