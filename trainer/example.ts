/** Examples to learn from: a prompt and a response to it, in tokens. A model reads all of one but its last token. */

import type { SftRecipe } from '../schemas/types/job.ts';
import { TrainerFailure } from './failure.ts';

/** A prompt (at least one token) and a response, in tokens. */
export interface Example {
  prompt: number[];
  response: number[];
}

/** Tokens that a model reads of an example: all but its last, after which nothing comes. */
export function readOf({ prompt, response }: Example): number {
  return prompt.length + response.length - 1;
}

/** The same of the longest example; 0 of none. */
export function longestOf(examples: readonly Example[]): number {
  return examples.reduce((most, example) => Math.max(most, readOf(example)), 0);
}

/** Tokens that are learned from: those of all responses. */
export function countResponseTokens(examples: readonly Example[]): number {
  return examples.reduce((sum, { response }) => sum + response.length, 0);
}

/** An example that the context can hold: the beginning of the prompt goes, but for one token, then the end of the response. */
export function truncate(example: Example, context: number): Example {
  const { prompt, response } = example;
  if (readOf(example) <= context) return example;
  const kept = response.slice(0, context);
  return { prompt: prompt.slice(-(context + 1 - kept.length)), response: kept };
}

/**
 * The examples that are learned from: each as far as the context holds it, or those alone that it holds whole. Throws
 * `bad-data` where no end of a response could be learned.
 */
export function fitted<E extends Example>(
  whole: readonly E[],
  context: number,
  { overlong = 'truncate', data }: Pick<SftRecipe, 'overlong'> & { data: { name: string } },
): { examples: E[]; cut: number; dropped: number } {
  const fitting = whole.filter((example) => readOf(example) <= context);
  if (overlong === 'drop' && fitting.length > 0) {
    return { examples: fitting, cut: 0, dropped: whole.length - fitting.length };
  }
  if (overlong === 'drop' || whole.every(({ response }) => response.length > context)) {
    const what = overlong === 'drop' ? 'examples' : 'responses';
    throw new TrainerFailure(
      'bad-data',
      `None of the ${whole.length} ${what} of ${data.name} fits into the context of ${context} tokens, so no end of one ` +
        'could be learned. Give the model a longer context, or take shorter examples.',
    );
  }
  const examples = whole.map((example) => ({ ...example, ...truncate(example, context) }));
  return { examples, cut: whole.length - fitting.length, dropped: 0 };
}
