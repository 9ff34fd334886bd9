/** LitGPT as a trainer: pretraining and continued pretraining. */
import { join } from 'node:path';
import type { EngineRecipes } from '../../schemas/engines.ts';
import type { CptJob, Job, PretrainJob } from '../../schemas/types/job.ts';
import type { Outcome, TrainerContext } from '../../trainer/context.ts';
import { TrainerFailure } from '../../trainer/failure.ts';
import { writeJson } from '../../trainer/folders.ts';
import { learningRates } from '../../trainer/schedule.ts';
import { atOnce } from '../at-once.ts';
import { writeRows } from '../rows.ts';
import { type Asked, type Ground, trainWith } from '../training.ts';
import { litgptConfig, modelConfig } from './config.ts';

/** Runs a job of pretraining or CPT with LitGPT. Throws as `trainWith`; `bad-job` for what LitGPT does not train. */
export async function run(job: Job, context: TrainerContext): Promise<Outcome> {
  if (job.type !== 'pretrain' && job.type !== 'cpt')
    throw new TrainerFailure('bad-job', `${job.address}: LitGPT does not train ${job.type}.`);
  return trainWith('litgpt', job, context, (ground) => ask(job, ground));
}

async function ask(
  { recipe: whole, inputs, seed }: PretrainJob | CptJob,
  { architecture, tokenizer, folder, out }: Ground,
): Promise<Asked> {
  const recipe = whole as EngineRecipes['cpt'];
  const { steps, batchSequences } = recipe;
  const text = { recipe, tokenizer, context: architecture.context, seed, data: inputs.data };
  const rows = await writeRows(folder, text);
  const initial = join(folder, 'initial');
  const config = join(folder, 'litgpt.json');
  const begin = 'parent' in inputs ? initial : null;
  await writeJson(config, litgptConfig(recipe, architecture, { rows, out, initial: begin, seed }));
  return {
    ...{ learningRates: learningRates(steps, recipe), learned: rows.learned },
    says: {
      ...{ config, initial, model: modelConfig(architecture) },
      iterationsAStep: batchSequences / atOnce(batchSequences),
      rowsAStep: batchSequences,
    },
    facts() {
      const { tokens: trainTokens, uniqueTokens, unigramEntropy, epochs } = rows.tally;
      const passes = Object.entries(epochs).map(([name, count]) => [`epochs.${name}`, count]);
      return { trainTokens, uniqueTokens, unigramEntropy, ...Object.fromEntries(passes) };
    },
  };
}
