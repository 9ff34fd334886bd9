/** What an overlap certificate leaves as `overlap.json`, for whoever writes and whoever reads it. */

import type { Selection } from './types/job.ts';

/** What a stage learns from, compared with each set of problems that must not be among it. */
export interface Certificate {
  /** Words in a row that count as the same text. */
  gramWords: number;
  /** Such words in more of the problems trained on than this are how these are worded, and say nothing. */
  mostSharing: number;
  /** What is trained on: `math/sft`, and how many problems of it there are. */
  trained: { set: string; problems: number };
  against: SetOverlap[];
}

/** What one set of problems has in common with what is trained on, and how much of it may have. */
export interface SetOverlap extends Overlap {
  /** `math/test`. */
  set: string;
  /** Largest shares of its problems. */
  mostExact: number;
  mostGrams: number;
}

/** Problems counted by what they have in common with what is trained on. */
export interface Overlap {
  /** All of them. */
  problems: number;
  /** Those with too few words for a 13-gram: they are compared as a whole. */
  withoutGrams: number;
  /** Those that are trained on, word for word. */
  exact: number;
  /** Of the others, those with a 13-gram of a problem trained on, or with all of its words and no others. */
  grams: number;
  /** Of the others, those with such 13-grams only as are the wording of many. */
  common: number;
  /** The first of both kinds, in the order of the set. */
  matches: { exact: Match[]; grams: Match[] };
}

/** A problem, the first one trained on that it has something in common with, and the words that both have. */
export interface Match {
  against: Placed;
  trained: Placed;
  words: string;
}

/**
 * A problem and its place in its split, from 1: of prepared files, the line of `problems-<split>.jsonl`, where each prompt
 * counts once, or of `choices.jsonl`.
 */
export interface Placed {
  row: number;
  prompt: string;
}

/** `math/sft`: a data set and a split of it. */
export function nameOfSelection({ name, split }: Pick<Selection, 'name' | 'split'>): string {
  return `${name}/${split}`;
}
