/** A reward model as a judge of what another model wrote. */
import type { Template } from '../schemas/types/job.ts';
import { loadTemplate } from './data/chat-template.ts';
import type { ExampleOf } from './data/preferences.ts';
import { solutionText } from './data/template.ts';
import { truncate } from './example.ts';
import { loadRewardModel } from './parameters.ts';
import type { Response } from './response.ts';
import { scorer, textOf } from './reward.ts';
import { loadTokenizer, requireVocabulary } from './tokenizer/load.ts';

/** The same responses, each with its score as `reward`. */
export type Judge = (responses: readonly Response[]) => Response[];

/** The judge in the folder of a reward model, which reads by a template. Throws `bad-data` where that is none, or lacks a tokenizer. */
export async function loadJudge(folder: string, name: Template | undefined): Promise<Judge> {
  const { architecture, parameters, padding } = await loadRewardModel(folder);
  const tokenizer = await loadTokenizer(folder);
  requireVocabulary(tokenizer, architecture, 'bad-data');
  const score = scorer(architecture, parameters, padding);
  const { exampleTokens: exampleOf } = await loadTemplate(name, folder, tokenizer);
  return (responses) => {
    const scores = score(responses.map((response) => judgedText(response, exampleOf, architecture.context)));
    return responses.map((response, i) => ({ ...response, reward: scores[i] as number }));
  };
}

/**
 * What a reward model reads of a response, in its own tokens: problem and response in the template, as reward models are
 * trained, with one beginning and, where the response ended, with the end of text. (The space after the prompt is the
 * template's: a model writes it too.) What is longer than its context is cut as in its training.
 */
export function judgedText(
  { problem, text, ended }: Pick<Response, 'problem' | 'text' | 'ended'>,
  exampleOf: ExampleOf,
  context: number,
): number[] {
  const { prompt, response } = exampleOf({ prompt: problem.prompt, solution: solutionText(text) });
  return textOf(truncate({ prompt, response: ended ? response : response.slice(0, -1) }, context - 1));
}
