import type { Claimed, Testing } from '../../planner/claims.ts';
import type { Key } from '../../planner/plan.ts';

/*
 * What a takeaway asks of the results, whether a lineage file declares it or it is one of the paper's: of each of its
 * parts, which models' figures, and what is claimed of them.
 */

/** What a part says: of arms, of a trend, or that two figures go together. */
export type Saying = Claimed | { kind: 'correlation'; direction: 'positive' | 'negative' | 'closer' };

/** One figure of one model, by the evaluation that says it. */
export interface Reading {
  /** The evaluation's key; null where the model is not asked. */
  evaluation: Key | null;
  metric: string;
}

/** A model in a part. */
export interface Point {
  address: string;
  /** Of a trend the level; of a contrast 1 for what the claim is about, 0 for what that is compared with. */
  x: number;
  setting: string;
  seed: string;
  reading: Reading;
  /** Taken from the reading: what is claimed of a gain over another model. */
  less?: Reading;
  /** Of a correlation: what the reading goes with. */
  beside?: Reading;
  /** Of a correlation that is claimed to be closer than another one: what that is with. */
  rival?: Reading;
}

/** One thing that has to be so for a takeaway to hold. */
export interface Part {
  name: string;
  saying: Saying;
  points: Point[];
}

/** All that a point reads. */
export function readingsOf({ reading, less, beside, rival }: Point): Reading[] {
  return [reading, less, beside, rival].flatMap((one) => one ?? []);
}

/** A takeaway, ready to be decided. */
export interface Question {
  number: number;
  /** Of one of the paper's its name; null of a file's. */
  name: string | null;
  claim: string;
  testing: Testing;
  parts: Part[];
  warnings: string[];
  /** What a lineage lacks that it cannot be asked this; empty where it can. */
  missing: string[];
}
