/** A model's responses to problems, graded: what RL learns from and what an evaluation counts. */
import { grade } from './data/grade/grade.ts';
import type { Problem } from './data/problem.ts';
import type { ChatTemplate } from './data/template.ts';
import { type Generated, type GenerateOptions, type Generator, generate } from './generate.ts';
import type { Response, Written } from './response.ts';
import { beforeStop, stopper } from './stops.ts';
import type { Tokenizer } from './tokenizer/load.ts';

export type RespondOptions = Omit<GenerateOptions, 'stops'> & {
  /** Strings that end a response where the first of them stands. Default: none. */
  stop?: readonly string[] | undefined;
};

/** As `writeResponses`, graded. */
export async function respond(
  model: Generator,
  tokenizer: Tokenizer,
  template: ChatTemplate,
  problems: readonly Problem[],
  options: RespondOptions,
): Promise<Response[]> {
  const written = await writeResponses(model, tokenizer, template, problems, options);
  return written.map((response) => ({ ...response, ...grade(response.problem, response.text) }));
}

/**
 * One response to each problem, in their order. A prompt that leaves no room in the context has an empty response that
 * did not end. Draws are named by the problems' place in the list unless `options.draws` names them.
 */
export async function writeResponses(
  model: Generator,
  tokenizer: Tokenizer,
  template: ChatTemplate,
  problems: readonly Problem[],
  { stop = [], ...options }: RespondOptions,
): Promise<Written[]> {
  const prompts = problems.map(template.promptTokens);
  const stops = stop.length === 0 ? undefined : stopper(tokenizer, stop);
  const generated = await generate(model, prompts, { ...options, stops });
  return problems.map((problem, i) => {
    const { tokens, logProbs, ended } = generated[i] as Generated;
    const whole = model.ends.includes(tokens.at(-1) as number) ? tokens.slice(0, -1) : tokens;
    const text = beforeStop(tokenizer.decode(whole), stop);
    const asked = template.promptText(problem);
    return { problem, asked, prompt: prompts[i] as number[], tokens, logProbs, ended, text };
  });
}
