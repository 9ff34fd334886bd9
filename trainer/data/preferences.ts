/** Pairs of responses to one prompt of which one is preferred: as they are read, as tokens, and in parts that fit into one pass. */
import { countResponseTokens, type Example, longestOf, truncate } from '../example.ts';
import { stretchesOf } from '../portions.ts';
import { paddedTime } from '../shapes.ts';
import type { ProblemContent } from './problem.ts';

/** A better and a worse response to a prompt. */
export interface Preference {
  /** Of the problem; pairs of one problem share it. */
  id: string;
  prompt: string;
  chosen: string;
  rejected: string;
}

/** A pair in tokens, each response with its own copy of the prompt and with the end of text. */
export interface Pair {
  id: string;
  chosen: Example;
  rejected: Example;
}

/** A prompt and a response to it in tokens, as a template and a tokenizer have them. */
export type ExampleOf = (content: Pick<ProblemContent, 'prompt' | 'solution'>) => Example;

/**
 * Pairs in tokens. What is longer than `longest` tokens, prompt and response together, is cut as in fine-tuning: the
 * beginning of the prompt goes, and of a response that is too long alone the end. Each response is cut by itself, so that of
 * a pair the longer one may have less of the prompt (as in TRL). `truncated` counts responses.
 */
export function encodePairs(
  preferences: readonly Preference[],
  exampleOf: ExampleOf,
  longest: number,
): { pairs: Pair[]; truncated: number } {
  let truncated = 0;
  const encode = (prompt: string, solution: string): Example => {
    const whole = exampleOf({ prompt, solution });
    const fitting = truncate(whole, longest - 1);
    if (fitting !== whole) truncated++;
    return fitting;
  };
  const pairs = preferences.map(({ id, prompt, chosen, rejected }) => ({
    id,
    chosen: encode(prompt, chosen),
    rejected: encode(prompt, rejected),
  }));
  return { pairs, truncated };
}

/** All responses of some pairs: the chosen ones, then the rejected ones. */
export function responsesOf(pairs: readonly Pair[]): Example[] {
  return [...pairs.map(({ chosen }) => chosen), ...pairs.map(({ rejected }) => rejected)];
}

/** Tokens of both responses of some pairs. */
export function countPairTokens(pairs: readonly Pair[]): number {
  return countResponseTokens(responsesOf(pairs));
}

/** Pairs in parts of at most so many padded tokens, though never less than one pair: both responses of it go together. */
export function pairsInParts(pairs: readonly Pair[], context: number, atOnce: number): Pair[][] {
  const time = 2 * paddedTime(longestOf(responsesOf(pairs)), context);
  return stretchesOf(pairs.length, time, atOnce).map(([from, to]) => pairs.slice(from, to));
}
