/** How a model is asked: a problem as a prompt, and a worked one as an example to learn from. */
import { isDeepStrictEqual } from 'node:util';
import type { Example } from '../example.ts';
import type { Tokenizer } from '../tokenizer/load.ts';
import type { ProblemContent } from './problem.ts';

/** A template for prompts and responses, with the tokenizer that it is for. */
export interface ChatTemplate {
  /** In Jinja, for tokenizer_config.json: transformers and vLLM then build the same prompts. */
  readonly jinja: string;
  /** What the model is given. */
  promptText(problem: Pick<ProblemContent, 'prompt'>): string;
  /** The same in tokens, from what the tokenizer begins a text with on, which is there once. */
  promptTokens(problem: Pick<ProblemContent, 'prompt'>): number[];
  /** A worked problem in tokens. The loss is over its response alone, which ends with an end of text. */
  exampleTokens(problem: Pick<ProblemContent, 'prompt' | 'solution'>): Example;
}

/** EvoLM's prompt (its appendix C.2.2), without a system prompt. */
export function promptText(problem: Pick<ProblemContent, 'prompt'>): string {
  return `Human: ${problem.prompt}\nAssistant:`;
}

/** What EvoLM's models write to it before the end of text. */
export function responseText(problem: Pick<ProblemContent, 'solution'>): string {
  return ` ${problem.solution}`;
}

/** What `responseText` would make a response of, so that it is learned from as it was written. */
export function solutionText(response: string): string {
  return response.startsWith(' ') ? response.slice(1) : response;
}

/**
 * EvoLM's template. Prompt and response are tokenized apart, as they are when the model answers; the response ends with the
 * end of text.
 */
export function paperTemplate(tokenizer: Tokenizer): ChatTemplate {
  const promptTokens: ChatTemplate['promptTokens'] = (problem) => begun(tokenizer, promptText(problem));
  return {
    jinja: paperJinja(tokenizer),
    promptText,
    promptTokens,
    exampleTokens: (problem) => ({
      prompt: promptTokens(problem),
      response: [...tokenizer.encode(responseText(problem)), tokenizer.eos],
    }),
  };
}

/** EvoLM's template in Jinja. transformers adds nothing to what a template writes, so the beginning of text is in it. */
export function paperJinja({ start, decode }: Pick<Tokenizer, 'start' | 'decode'>): string {
  return start.length === 0 ? withoutStart : `{{ ${JSON.stringify(decode(start))} }}${withoutStart}`;
}

const withoutStart =
  "{% for message in messages %}{% if message['role'] == 'user' %}{{ 'Human: ' + message['content'] + '\\n' }}{% if loop.last and add_generation_prompt %}{{ 'Assistant:' }}{% endif %}{% elif message['role'] == 'assistant' %}{{ 'Assistant: ' + message['content'] + eos_token }}{% endif %}{% endfor %}";

/** A text in tokens after what the tokenizer begins one with, unless the text brings that itself. */
export function begun({ start, encode }: Tokenizer, text: string): number[] {
  const tokens = encode(text);
  return isDeepStrictEqual(tokens.slice(0, start.length), [...start]) ? tokens : [...start, ...tokens];
}
