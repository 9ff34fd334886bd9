/** Decoupled clip and dynamic sampling policy optimisation (Yu et al. 2025, arXiv 2503.14476). */
import type { CriticFree } from '../algorithm.ts';
import { type GroupedOptions, grouped } from './groups.ts';
import { normalisedAdvantages } from './grpo.ts';

/**
 * DAPO: the advantages of GRPO (eq. 9 there). What makes it DAPO are its options: a higher bound above (`clipRatioHigh`), the
 * mean over tokens (`lossAggregation`), `dynamicSampling` and `overlongBuffer`, which rollouts follow (`rollout.ts`), no KL.
 */
export function dapo(options: GroupedOptions): CriticFree {
  return grouped(options, normalisedAdvantages);
}
