/** Learning rates by update. */

export type ScheduleOptions = {
  /** Peak. */
  lr: number;
  /** Of the last update; not used by `constant`. */
  minLr: number;
} & (
  | {
      schedule: 'cosine' | 'constant';
      /** Share of the updates with linear warm-up, 0 to 1. */
      warmup: number;
    }
  | {
      schedule: 'wsd';
      /** Updates with linear warm-up: a number of them and no share, so that it is the same for runs of any length. */
      warmupSteps: number;
      /** Updates of the decay, the last of all; 0 stays at the peak. */
      decaySteps: number;
    }
);

/** The schedule of reinforcement learning: warmed up, then constant. */
export function constantSchedule(lr: number, warmup: number): ScheduleOptions {
  return { lr, minLr: lr, warmup, schedule: 'constant' };
}

/** The learning rates of all updates. */
export function learningRates(updates: number, options: ScheduleOptions): number[] {
  return Array.from({ length: updates }, (_, index) => learningRate(index, updates, options));
}

/**
 * The learning rate of update `index` (from 0) of `updates` in all.
 *
 * Warm-up takes W updates, of a share ceil(warmup * updates): lr * (index + 1) / W, so none of them is lost on a rate of
 * zero and the peak is reached on the last of them. Then it stays at the peak (constant), or falls to exactly `minLr` on
 * the last update; where the warm-up takes all updates, as it does of a single one, none is left to fall on:
 * - cosine from the peak, along half a cosine (as LitGPT's);
 * - wsd (warmup, stable, decay: Hu et al. 2024, arXiv 2404.06395) stays at the peak, and falls over the last D updates:
 *   minLr + (lr - minLr) * (1 - sqrt(k / D)) on the k-th of them, which is the form that does best of those that Hägele et
 *   al. (2024, arXiv 2405.18392) compare, and `1-sqrt` of transformers' get_wsd_schedule. W + D is `updates` at most, or
 *   the rate would jump.
 */
export function learningRate(index: number, updates: number, options: ScheduleOptions): number {
  const { lr, minLr } = options;
  // 7 % of 100 is 7.000000000000001 in floating point, and not 8 updates.
  const warm = options.schedule === 'wsd' ? options.warmupSteps : Math.ceil(options.warmup * updates - 1e-9);
  if (index < warm) return (lr * (index + 1)) / warm;
  switch (options.schedule) {
    case 'constant':
      return lr;
    case 'cosine': {
      const last = updates - 1;
      if (index >= last) return minLr;
      // The peak is update `warm - 1` (or, without warm-up, update 0), the end is update `updates - 1`.
      const peak = Math.max(warm - 1, 0);
      const progress = (index - peak) / (last - peak);
      return minLr + 0.5 * (1 + Math.cos(Math.PI * progress)) * (lr - minLr);
    }
    case 'wsd': {
      const { decaySteps } = options;
      const decayed = index + 1 - (updates - decaySteps);
      return decayed <= 0 ? lr : minLr + (lr - minLr) * (1 - Math.sqrt(decayed / decaySteps));
    }
  }
}
