/** What of a recipe says how its learning rate ends; recipes of RL have no schedule. */
export interface Ending {
  lr?: unknown;
  minLr?: unknown;
  schedule?: unknown;
  warmup?: unknown;
}

/** What makes the learning rate of a whole training end at its peak; undefined where it decays. */
export function peakEnding({ lr, minLr, schedule, warmup }: Ending): 'schedule' | 'minLr' | 'warmup' | undefined {
  if (schedule === 'constant') return 'schedule';
  if (lr !== undefined && minLr === lr) return 'minLr';
  return schedule === 'cosine' && warmup === 1 ? 'warmup' : undefined;
}
