/** Group relative policy optimisation (Shao et al. 2024, arXiv 2402.03300). */
import type { CriticFree } from '../algorithm.ts';
import { type GroupedOptions, grouped, spreadOf } from './groups.ts';

/** So that a group of equal rewards has advantages of 0; verl's `compute_grpo_outcome_advantage` has the same. */
const epsilon = 1e-6;

/** GRPO: A_i = (R_i - mean R) / (s + 1e-6) within a group, s its deviation with Bessel's correction (4.1.2 there). */
export function grpo(options: GroupedOptions): CriticFree {
  return grouped(options, normalisedAdvantages);
}

/** The advantages of a group, of the rewards of its responses. */
export function normalisedAdvantages(rewards: readonly number[]): number[] {
  const { mean, deviation } = spreadOf(rewards);
  return rewards.map((reward) => (reward - mean) / (deviation + epsilon));
}
