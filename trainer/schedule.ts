/** Learning rates by update. */

export interface ScheduleOptions {
  /** Peak. */
  lr: number;
  /** Of the last update; not used by `constant`. */
  minLr: number;
  /** Share of the updates with linear warm-up, 0 to 1. */
  warmup: number;
  schedule: 'cosine' | 'constant';
}

/**
 * The learning rate of update `index` (from 0) of `updates` in all.
 *
 * Warm-up takes W = ceil(warmup * updates) updates: lr * (index + 1) / W, so none of them is lost on a rate of zero and
 * the peak is reached on the last of them. Cosine then falls from the peak to exactly `minLr` on the last update,
 * whatever the number of updates; constant stays at the peak.
 */
export function learningRate(index: number, updates: number, { lr, minLr, warmup, schedule }: ScheduleOptions): number {
  // 7 % of 100 is 7.000000000000001 in floating point, and not 8 updates.
  const warm = Math.ceil(warmup * updates - 1e-9);
  if (index < warm) return (lr * (index + 1)) / warm;
  if (schedule === 'constant') return lr;
  const last = updates - 1;
  if (index >= last) return minLr;
  // The peak is update `warm - 1` (or, without warm-up, update 0), the end is update `updates - 1`.
  const peak = Math.max(warm - 1, 0);
  const progress = (index - peak) / (last - peak);
  return minLr + 0.5 * (1 + Math.cos(Math.PI * progress)) * (lr - minLr);
}
