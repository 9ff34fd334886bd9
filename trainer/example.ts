/** Examples to learn from: a prompt and a response to it, in tokens. A model reads all of one but its last token. */

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
