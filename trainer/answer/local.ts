/** Answers of a checkpoint. */
import { responsesAtOnce } from '../../schemas/passes.ts';
import type { GenerateJob } from '../../schemas/types/job.ts';
import { loadTemplate } from '../data/chat-template.ts';
import { solutionText } from '../data/template.ts';
import { createGenerator } from '../generate.ts';
import { engine } from '../loop.ts';
import { loadParent } from '../parent.ts';
import { writeResponses } from '../respond.ts';
import type { Answerer } from './answerer.ts';
import type { Question } from './answers.ts';

/**
 * A model that answers, in portions of as many problems as are written at once. Draws are named by problem and sample, as
 * those of evaluations are, so that none depends on what else is asked; and a portion is asked again whole where a part of
 * it is missing, so that not even float noise does.
 *
 * @throws TrainerFailure `bad-data` where the folder holds no model
 */
export async function localAnswerer({ recipe, seed }: GenerateJob, folder: string): Promise<Answerer> {
  const { architecture, parameters, tokenizer } = await loadParent(folder);
  const template = await loadTemplate(recipe.template, folder, tokenizer);
  const generator = createGenerator(architecture, parameters, tokenizer.ends);
  const { maxResponse, temperature, topP, samples } = recipe;
  const portionSize = Math.max(1, Math.floor(responsesAtOnce / samples)) * samples;
  const answer = async (portion: readonly Question[]) => {
    const written = await writeResponses(
      generator,
      tokenizer,
      template,
      portion.map(({ problem }) => problem),
      {
        maxTokens: maxResponse,
        temperature,
        topP,
        seed,
        purpose: ['generate', 'sample'],
        draws: portion.map(({ problem, sample }) => `${problem.id}/${sample}`),
      },
    );
    return written.map(({ text, ended, tokens }, i) => {
      const { index, sample } = portion[i] as Question;
      return { index, sample, text: solutionText(text), truncated: !ended, tokens: tokens.length };
    });
  };
  return {
    engine: engine(),
    async answer(questions, answers, { stopped, onAnswers }) {
      for (let start = 0; start < questions.length; start += portionSize) {
        const portion = questions.slice(start, start + portionSize);
        if (portion.every(answers.has)) continue;
        if (stopped()) return;
        const answered = await answer(portion);
        answers.keep(answered);
        onAnswers(answered);
      }
    },
  };
}
