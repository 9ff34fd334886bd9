import type { Testing } from '../../planner/claims.ts';
import type { Estimate } from '../statistics/paired.ts';

/** What the results say of a claim. docs/takeaways.md has what each means. */
export type VerdictWord = 'supported' | 'contradicted' | 'inconclusive' | 'underpowered' | 'stale' | 'not asked';

/** What the results say of one part of a claim. */
export interface PartVerdict {
  name: string;
  /** The figure; empty where no model was found to ask. */
  metric: string;
  /** What is claimed of the figure: higher, lower, up, down, flat, saturates, positive or negative. */
  claimed: string;
  verdict: VerdictWord;
  /** What the interval is of: `difference`, `change` from the first level to the last, `saturation` (a level), `r`. */
  effectOf: 'difference' | 'change' | 'saturation' | 'r';
  effect: number | null;
  /** Ends of the interval of confidence 1 - alpha, not corrected; null where there is none on that side. */
  low: number | null;
  high: number | null;
  /** How it was tested. */
  test: string;
  /** Which way the effect points, whatever the verdict. */
  points: 'for' | 'against' | 'neither';
  p: number | null;
  /** Corrected for all tests that are told together. */
  pCorrected: number | null;
  seeds: number;
  /** Pairs of models, or models of a trend or a correlation. */
  pairs: number;
  problems: number | null;
  /** What else there is to say: what it would take, how the trend goes. */
  said: string[];
}

/** A takeaway with its verdict. */
export interface TakeawayVerdict {
  number: number;
  name: string | null;
  claim: string;
  verdict: VerdictWord;
  alpha: number;
  correction: Testing['correction'];
  parts: PartVerdict[];
  warnings: string[];
  /** What it cannot be asked for. */
  missing: string[];
}

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
