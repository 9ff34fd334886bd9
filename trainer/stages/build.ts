/**
 * A data set made of others, by one operation (trainer/data/build/): a folder of prepared problems, or of preferences,
 * and `dropped.jsonl` beside them, which says of all that is not kept why. A build that keeps nothing fails, and leaves
 * that file all the same.
 */
import { join } from 'node:path';
import { nameOfSelection } from '../../schemas/certificate.ts';
import type { BuildJob, BuildRecipe } from '../../schemas/types/job.ts';
import type { Outcome, TrainerContext } from '../context.ts';
import { agree } from '../data/build/agree.ts';
import { correct } from '../data/build/correct.ts';
import { decontaminate } from '../data/build/decontaminate.ts';
import { dedupe } from '../data/build/dedupe.ts';
import { builtFiles, type Output } from '../data/build/output.ts';
import { pairs } from '../data/build/pairs.ts';
import { type ProblemSet, problemSet } from '../data/build/set.ts';
import { split } from '../data/build/split.ts';
import { problemSplits } from '../data/prepared.ts';
import type { ProblemSplit } from '../data/problem.ts';
import { selectedPrompts } from '../data/sources.ts';
import { TrainerFailure } from '../failure.ts';
import { writeFolder } from '../folders.ts';
import { version } from '../version.ts';

/** Runs a build job: writes its data set into `output/model`. */
export async function run(job: BuildJob, context: TrainerContext): Promise<Outcome> {
  const { recipe, inputs, output } = job;
  context.emit({ event: 'started', resumedFrom: null, steps: 1, device: 'cpu', engine: `descent ${version()}` });
  const sets = (Array.isArray(recipe.data) ? recipe.data : [recipe.data]).map((part) => problemSet(part, inputs.data));
  const facts: Record<string, number> = {};
  const fill = async (folder: string) => {
    const files = builtFiles(folder, splitsOf(recipe, sets), sets.length > 1);
    try {
      const counted = operate(job, sets, files);
      Object.assign(facts, files.facts(), counted);
    } finally {
      files.close();
    }
  };
  await writeFolder(join(output, 'model'), fill, context.checkLease);
  if (facts.kept === 0) throw new TrainerFailure('bad-data', nothingLeft(sets, facts, output));
  context.emit({ event: 'done', step: 1, tokens: 0, model: 'model', facts });
  return 'done';
}

/** Does the operation; gives what it counted besides what is kept and dropped. */
function operate(
  { recipe, inputs, seed }: BuildJob,
  sets: readonly ProblemSet[],
  output: Output,
): Record<string, number> | undefined {
  const first = sets[0] as ProblemSet;
  switch (recipe.operation) {
    case 'correct':
      return void correct(first, output);
    case 'agree':
      return agree(sets, recipe.least, output);
    case 'dedupe':
      return void dedupe(sets, recipe.by, output);
    case 'decontaminate': {
      const against = recipe.against.map((selection) => ({
        name: nameOfSelection(selection),
        prompts: selectedPrompts(selection, inputs.data),
      }));
      return void decontaminate(first, against, output);
    }
    case 'split':
      return void split(first, recipe, seed, output);
    case 'pairs':
      return pairs(first, recipe.perProblem, seed, output);
    default:
      return recipe satisfies never;
  }
}

/** The files that an operation writes: those that its sets have, but for what it does not give. */
function splitsOf({ operation }: BuildRecipe, sets: readonly ProblemSet[]): readonly ProblemSplit[] | 'pairs' {
  const has = (name: ProblemSplit) => sets.some(({ splits }) => splits.includes(name));
  switch (operation) {
    case 'pairs':
      return 'pairs';
    case 'correct':
    case 'agree':
      return problemSplits.filter((name) => name !== 'test' && has(name));
    case 'split':
      return problemSplits.filter((name) => name !== 'test' || has(name));
    case 'dedupe':
    case 'decontaminate':
      return problemSplits.filter(has);
    default:
      return operation satisfies never;
  }
}

function nothingLeft(sets: readonly ProblemSet[], facts: Readonly<Record<string, number>>, output: string): string {
  const names = sets.map(({ name }) => name).join(' and ');
  const reasons = Object.entries(facts).flatMap(([name, count]) => {
    const reason = /^dropped\.(\w+)$/.exec(name)?.[1];
    return reason === undefined ? [] : [`${reason} ${count.toLocaleString('en')}`];
  });
  const given = (facts.given ?? 0).toLocaleString('en');
  return (
    `Nothing is left of the ${given} of ${names}${reasons.length > 0 ? ` (${reasons.join(', ')})` : ''}. ` +
    `Give it other data, or more. What was dropped is in ${join(output, 'model', 'dropped.jsonl')}.`
  );
}
