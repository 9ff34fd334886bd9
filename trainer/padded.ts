/**
 * Prompts and their responses side by side, a row each or several packed into one: rows of tokens, padded on the right, where
 * a causal model does not see it, to one of a few shapes (`shapes.ts`). What is measured or said of each token of a response
 * lies beside what is predicted.
 */
import type { Rows } from './batch.ts';
import { bestFitDecreasing } from './best-fit.ts';
import { countResponseTokens, type Example, readOf } from './example.ts';
import { paddedPlaces, paddedTime } from './shapes.ts';

/** Examples as rows: read are all tokens but the last of each, predicted are those of the responses. */
export interface PaddedRows extends Rows {
  /** Where among the tokens each example begins. */
  firsts: number[];
  /** Where among the targets those of each example begin; the others follow without a gap. */
  starts: number[];
}

/** How examples are laid out. */
export interface LayoutOptions {
  /** The token that fills rows. */
  padding: number;
  /** The longest row that there may be. */
  context: number;
  /** As if one of the examples took so many tokens. Default: 0. */
  longest?: number;
  /** Whether examples go together into rows of at most `longest`, or of the longest of them. Default: a row each. */
  packing?: boolean;
}

/**
 * Lays examples out. Rows are as long as the longest of them and of `longest` asks for, within the context. Where examples are
 * packed `begins` says where each one begins, and what pads a row is a document of its own.
 */
export function padded(
  examples: readonly Example[],
  { padding, context, longest = 0, packing = false }: LayoutOptions,
): PaddedRows {
  const lengths = examples.map(readOf);
  const capacity = Math.max(longest, ...lengths);
  const rows = packing ? bestFitDecreasing(lengths, capacity) : [...examples.keys()].map((index) => [index]);
  const filled = rows.map((members) => members.reduce((sum, index) => sum + (lengths[index] as number), 0));
  const time = paddedTime(packing ? Math.max(...filled) : capacity, context);
  const tokens = new Int32Array(rows.length * time).fill(padding);
  const begins = packing ? new Int32Array(tokens.length) : undefined;
  const size = paddedPlaces(tokens.length, countResponseTokens(examples));
  const places = size === undefined ? undefined : new Int32Array(size);
  const targets = new Int32Array(places?.length ?? tokens.length);
  const [firsts, starts]: [number[], number[]] = [[], []];
  let chosen = 0;
  for (const [row, members] of rows.entries()) {
    let place = 0;
    for (const index of members) {
      const { prompt, response } = examples[index] as Example;
      const first = row * time + place;
      const before = first + prompt.length - 1;
      tokens.set(prompt, first);
      tokens.set(response.slice(0, -1), before + 1);
      for (const offset of response.keys()) if (places !== undefined) places[chosen + offset] = before + offset;
      const start = places === undefined ? before : chosen;
      targets.set(response, start);
      firsts[index] = first;
      starts[index] = start;
      chosen += response.length;
      begins?.fill(place, first, (row + 1) * time);
      place += lengths[index] as number;
    }
    begins?.fill(place, row * time + place, (row + 1) * time);
  }
  const read = { sequences: rows.length, time, tokens, ...(places && { places }), targets };
  return { ...read, ...(begins && { begins }), firsts, starts };
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
