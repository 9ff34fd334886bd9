/**
 * Prompts and their responses side by side: rows of tokens, padded on the right, where a causal model does not see it, to
 * one of a few shapes (`shapes.ts`). What is measured or said of each token of a response lies beside what is predicted.
 */
import type { Rows } from './batch.ts';
import { paddedPlaces, paddedTime } from './shapes.ts';

/** A prompt (at least one token) and a response, in tokens. */
export interface Example {
  prompt: number[];
  response: number[];
}

/** Examples as rows: read are all tokens but the last of each, predicted are those of the responses. */
export interface PaddedRows extends Rows {
  /** Where among the targets those of each example begin; the others follow without a gap. */
  starts: number[];
}

/** Lays examples out. Rows are as long as the longest of the examples and of `longest` asks for, within the context. */
export function padded(
  examples: readonly Example[],
  { padding, context, longest = 0 }: { padding: number; context: number; longest?: number },
): PaddedRows {
  const time = paddedTime(Math.max(longest, longestOf(examples)), context);
  const tokens = new Int32Array(examples.length * time).fill(padding);
  const size = paddedPlaces(tokens.length, countResponseTokens(examples));
  const places = size === undefined ? undefined : new Int32Array(size);
  const targets = new Int32Array(places?.length ?? tokens.length);
  const starts: number[] = [];
  let chosen = 0;
  for (const [row, { prompt, response }] of examples.entries()) {
    const first = row * time + prompt.length - 1;
    tokens.set(prompt, row * time);
    tokens.set(response.slice(0, -1), first + 1);
    for (const index of response.keys()) if (places !== undefined) places[chosen + index] = first + index;
    const start = places === undefined ? first : chosen;
    targets.set(response, start);
    starts.push(start);
    chosen += response.length;
  }
  return { sequences: examples.length, time, tokens, ...(places && { places }), targets, starts };
}

/** Figures of the tokens of each example's response, laid out as the targets are; padding has 0. */
export function spread({ targets, starts }: PaddedRows, figures: readonly ArrayLike<number>[]): Float32Array {
  const values = new Float32Array(targets.length);
  for (const [example, start] of starts.entries()) values.set(figures[example] as ArrayLike<number>, start);
  return values;
}

/** What `spread` would lay out so: the figures of each example's response, without padding. */
export function collected({ starts }: PaddedRows, examples: readonly Example[], values: Float32Array): Float32Array[] {
  return examples.map(({ response }, example) => {
    const start = starts[example] as number;
    return values.slice(start, start + response.length);
  });
}

/** Tokens that a model reads of the longest example: all but its last, after which nothing comes. */
export function longestOf(examples: readonly Example[]): number {
  return Math.max(...examples.map(({ prompt, response }) => prompt.length + response.length - 1));
}

export function countResponseTokens(examples: readonly Example[]): number {
  return examples.reduce((sum, { response }) => sum + response.length, 0);
}
