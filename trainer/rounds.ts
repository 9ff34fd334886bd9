/** Which problems the rounds of reinforcement learning ask, whatever trains. */
import type { RlJob } from '../schemas/types/job.ts';
import type { Problem } from './data/problem.ts';
import { problems } from './data/sources.ts';
import type { ChatTemplate } from './data/template.ts';
import { TrainerFailure } from './failure.ts';
import { random } from './random.ts';

/** The rounds of a job. */
export interface Rounds {
  /** Problems whose prompt leaves room for the longest response. */
  usable: Problem[];
  /** How many do not. */
  overlong: number;
  /** Problems of a round: those of the recipe, or all there are. */
  batch: number;
  /** How many rounds there are, in all epochs. */
  count: number;
  /** The problems of a round, from 0. */
  problemsOf(round: number): Problem[];
}

/**
 * The rounds of a job. Problems are shuffled anew each epoch. An epoch is as many whole rounds as its problems fill; what is left
 * of that order is left out (verl's `drop_last`), so each epoch leaves out others. A round is never larger than an epoch.
 *
 * @param context tokens that the model reads at most
 * @throws TrainerFailure `bad-job` where responses would not be sampled, `bad-data` where no problem fits; as the data's readers.
 */
export function roundsOf({ recipe, inputs, seed }: RlJob, template: ChatTemplate, context: number): Rounds {
  const { data, examples, epochs, maxResponse, temperature } = recipe;
  if (temperature <= 0) {
    throw new TrainerFailure(
      'bad-job',
      `temperature is ${temperature}: RL learns from sampled responses, so it must be above 0 (1 is usual).`,
    );
  }
  const given = problems(data.source, 'rl', examples, inputs.data);
  const usable = given.filter((problem) => template.promptTokens(problem).length <= context - maxResponse);
  if (usable.length === 0) {
    throw new TrainerFailure(
      'bad-data',
      `None of the ${given.length} problems of ${data.name} fits: a prompt and a response of ${maxResponse} ` +
        `tokens need more than the context of ${context}. Take a smaller maxResponse or a larger context.`,
    );
  }
  const batch = Math.min(recipe.batch, usable.length);
  const perEpoch = Math.floor(usable.length / batch);
  return {
    ...{ usable, batch, overlong: given.length - usable.length, count: perEpoch * epochs },
    problemsOf(round) {
      const start = (round % perEpoch) * batch;
      return random(seed, 'rl', 'order', Math.floor(round / perEpoch))
        .shuffle(usable)
        .slice(start, start + batch);
    },
  };
}
