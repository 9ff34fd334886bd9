/** A model's responses to problems, graded: what RL learns from and what an evaluation counts. */
import type { SampleEvent } from '../schemas/types/event.ts';
import { grade } from './data/grade/grade.ts';
import type { Problem } from './data/problem.ts';
import type { ChatTemplate } from './data/template.ts';
import { type Generated, type GenerateOptions, type Generator, generate } from './generate.ts';
import { beforeStop, stopper } from './stops.ts';
import type { Tokenizer } from './tokenizer/load.ts';

/** A response as it was written. */
export interface Written {
  problem: Problem;
  /** What was asked, as text. */
  asked: string;
  /** Token ids of the prompt. */
  prompt: number[];
  /** Token ids of the response, with the end token when it ended. */
  tokens: number[];
  /** ln p of each of them, at the temperature it was drawn with. */
  logProbs: number[];
  /** False when it was cut at the longest length, or at the end of the context. */
  ended: boolean;
  /** The response as text, without the end token, and without the stop string that ended it and what comes after. */
  text: string;
}

/** A response and its verdict. */
export interface Response extends Written {
  /** The answer read from the text; null where there is none. */
  answer: string | null;
  correct: boolean;
  /** The two forms of the answer that were compared, or what was missing. */
  why: string;
  /** What a reward model gave it, where one was asked. */
  reward?: number;
}

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

/** A response as an event: the task (`rollout` in RL), the step of the model, and 0 for greedy or the sample's number. */
export function sampleEvent(task: string, step: number, index: number, response: Response): SampleEvent {
  return {
    event: 'sample',
    task,
    problem: response.problem.id,
    step,
    index,
    prompt: response.asked,
    response: response.text,
    answer: response.answer,
    expected: response.problem.answer,
    correct: response.correct,
    why: response.why,
    truncated: !response.ended,
    ...(response.reward === undefined ? {} : { reward: response.reward }),
  };
}
