import type { Estimate } from '../statistics/paired.ts';
import type { PartVerdict, VerdictWord } from './verdict.ts';

/** A part before p is corrected. */
export interface Examined extends Omit<PartVerdict, 'metric' | 'verdict' | 'p' | 'pCorrected'> {
  /** NaN where nothing was tested. */
  p: number;
  /** What cannot be undone by p. */
  settled: VerdictWord | null;
}

/** Which way an effect points, of what is claimed of it times its sign. */
export function pointing(value: number): Examined['points'] {
  return value > 0 ? 'for' : value < 0 ? 'against' : 'neither';
}

/** An effect with the ends of its interval, null where they are not finite. */
export function ends({ value, low, high }: Pick<Estimate, 'value' | 'low' | 'high'>) {
  const finite = (end: number) => (Number.isFinite(end) ? end : null);
  return { effect: finite(value), low: finite(low), high: finite(high) };
}
