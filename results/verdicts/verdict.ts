import type { Correction } from '../statistics/correction.ts';

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
  correction: Correction;
  parts: PartVerdict[];
  warnings: string[];
  /** What it cannot be asked for. */
  missing: string[];
}
