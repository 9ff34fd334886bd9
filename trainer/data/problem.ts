import { createHash } from 'node:crypto';
import { normalisedPrompt } from '../../schemas/problem.ts';
import type { Mark } from './grade/statement.ts';

/** How a problem's answer is read and compared. */
export type AnswerKind =
  /** A number: 19, -3, 1,200, 3/4. */
  | 'number'
  /** One of a few words, `labels`. */
  | 'label'
  /** A value as Python writes it, or else plain words. */
  | 'literal'
  /** A number, a term, a set, an interval, a matrix, an equation, in LaTeX or plain. */
  | 'math'
  /** The letter of a choice: A, (B). */
  | 'choice';

/** A question, its worked solution, and the answer that a response is checked against. */
export interface ProblemContent {
  prompt: string;
  solution: string;
  answer: string;
  kind: AnswerKind;
  /** The possible answers, where there are few. */
  labels?: readonly string[];
  /** Where a response's answer is looked for, if not in the usual places; the first that occurs counts. */
  marks?: readonly Mark[];
  /** The part of a number by which another may be off and still be right. */
  tolerance?: number;
}

export interface Problem extends ProblemContent {
  id: string;
}

/** What a problem is for. Problems of the `text` part occur, solved, in text that models are pretrained on. */
export type ProblemSplit = 'sft' | 'rl' | 'test';

/** Shares of all problems, in hundredths. */
const problemShares: readonly (readonly [ProblemSplit | 'text', number])[] = [
  ['sft', 50],
  ['rl', 30],
  ['test', 15],
  ['text', 5],
];

/** Documents in a hundred that are kept for held-out loss. */
const heldoutShare = 5;

/**
 * The one split that a generated problem belongs to. It follows from a hash of the prompt and nothing else, so no seed,
 * option or stage can bring a test problem into training.
 */
export function problemSplit(prompt: string): ProblemSplit | 'text' {
  let at = hundredth(normalisedPrompt(prompt));
  for (const [split, share] of problemShares) {
    if (at < share) return split;
    at -= share;
  }
  throw new RangeError('The shares of the problem splits do not add up to 100.');
}

/** The split that a generated document belongs to, from a hash of its text alone. */
export function documentSplit(text: string): 'train' | 'heldout' {
  return hundredth(text) < heldoutShare ? 'heldout' : 'train';
}

function hundredth(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0) % 100;
}
