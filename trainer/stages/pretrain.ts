/** Pretraining: a new model on a mixture of text. */
import type { PretrainJob } from '../../schemas/types/job.ts';
import { whatIsMisshapen } from '../config.ts';
import type { Outcome, TrainerContext } from '../context.ts';
import { TrainerFailure } from '../failure.ts';
import { initialise } from '../init.ts';
import { trainOnSequences } from '../sequences.ts';

/** Runs a pretraining job. */
export async function run(job: PretrainJob, context: TrainerContext): Promise<Outcome> {
  const { architecture } = job.recipe;
  const misshapen = whatIsMisshapen(architecture);
  if (misshapen !== undefined) throw new TrainerFailure('bad-job', `${job.address}: ${misshapen}.`);
  const parameters = initialise(architecture, job.seed);
  return trainOnSequences(job, context, { architecture, parameters, tokenizer: job.inputs.tokenizer });
}
