import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EngineRecipes } from '../schemas/engines.ts';
import type { RlJob } from '../schemas/types/job.ts';
import type { Problem } from '../trainer/data/problem.ts';
import type { ChatTemplate } from '../trainer/data/template.ts';
import { TrainerFailure } from '../trainer/failure.ts';
import { writeLines } from '../trainer/folders.ts';
import { roundsOf } from '../trainer/rounds.ts';

/** What reinforcement learning asks, in files, and who grades the responses. */
export interface Prompts {
  /** A line of JSON for each prompt, in the order of training, all epochs one after the other. */
  path: string;
  /** The command that starts a grader (grade.ts), which knows a problem by its number. */
  grader: readonly string[];
  rounds: number;
  /** Prompts of a round, and optimizer steps. */
  batch: number;
  updates: number;
  /** Responses of an optimizer step: those of the recipe, or all of a round. */
  miniBatch: number;
  facts: Record<'problems' | 'overlongProblems' | 'rounds', number>;
}

/**
 * Writes the prompts of a job into a folder, in the order of the built-in trainer; `line` makes one of a problem and its number.
 *
 * @param context tokens that the model reads at most
 * @throws TrainerFailure as `roundsOf`; `bad-job` where a round is no whole number of mini-batches, as all of an engine's are of one
 * size.
 */
export async function writePrompts(
  folder: string,
  job: RlJob,
  { template, context, title }: { template: ChatTemplate; context: number; title: string },
  line: (problem: Problem, number: number) => object,
): Promise<Prompts> {
  const { responses, innerEpochs, ...recipe } = job.recipe as EngineRecipes['rl'];
  const rounds = roundsOf(job, template, context);
  const { usable, batch, count } = rounds;
  const round = batch * responses;
  const miniBatch = Math.min(recipe.miniBatch, round);
  if (round % miniBatch !== 0)
    throw new TrainerFailure(
      'bad-job',
      `${job.address}: a round has ${batch} prompts, as there are no more that fit into the context, and ${title} cannot part its ` +
        `${round} responses into mini-batches of ${miniBatch}. Take a batch of at most ${batch}, and a miniBatch that divides its responses.`,
    );
  const [path, asked] = [join(folder, 'prompts.jsonl'), join(folder, 'problems.jsonl')];
  await writeLines(asked, usable);
  const numbers = new Map(usable.map((problem, number) => [problem, number]));
  const order = Array.from({ length: count }, (_, round) => rounds.problemsOf(round)).flat();
  await writeLines(
    path,
    order.map((problem) => line(problem, numbers.get(problem) as number)),
  );
  return {
    ...{ path, batch, miniBatch, rounds: count },
    grader: [process.execPath, fileURLToPath(new URL('./grade.js', import.meta.url)), asked],
    updates: count * innerEpochs * (round / miniBatch),
    facts: { problems: usable.length, overlongProblems: rounds.overlong, rounds: count },
  };
}
