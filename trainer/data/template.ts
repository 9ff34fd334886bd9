import type { Tokenizer } from '../tokenizer/load.ts';
import type { ProblemContent } from './problem.ts';

/** What a model is given: EvoLM's chat template (its appendix C.2.2), without a system prompt. */
export function promptText(problem: Pick<ProblemContent, 'prompt'>): string {
  return `Human: ${problem.prompt}\nAssistant:`;
}

/** The token ids a problem is put to the model with: what the tokenizer begins a text with, and the prompt. */
export function promptTokens(tokenizer: Tokenizer, problem: Pick<ProblemContent, 'prompt'>): number[] {
  return [...tokenizer.start, ...tokenizer.encode(promptText(problem))];
}

/** What it should write before the end of text. */
export function responseText(problem: Pick<ProblemContent, 'solution'>): string {
  return ` ${problem.solution}`;
}

/** What `responseText` would make a response of, so that it is learned from as it was written. */
export function solutionText(response: string): string {
  return response.startsWith(' ') ? response.slice(1) : response;
}

/** The same template in Jinja, for tokenizer_config.json: transformers and vLLM then build the same prompts. */
export const chatTemplate =
  "{% for message in messages %}{% if message['role'] == 'user' %}{{ 'Human: ' + message['content'] + '\\n' }}{% if loop.last and add_generation_prompt %}{{ 'Assistant:' }}{% endif %}{% elif message['role'] == 'assistant' %}{{ 'Assistant: ' + message['content'] + eos_token }}{% endif %}{% endfor %}";

/**
 * One example to learn from, in tokens. Prompt and response are tokenized apart, as they are when the model answers;
 * the response ends with the end of text, and the loss is over the response only.
 */
export function exampleTokens(
  problem: Pick<ProblemContent, 'prompt' | 'solution'>,
  tokenizer: Tokenizer,
): { prompt: number[]; response: number[] } {
  return {
    prompt: promptTokens(tokenizer, problem),
    response: [...tokenizer.encode(responseText(problem)), tokenizer.eos],
  };
}
