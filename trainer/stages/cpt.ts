/** Continued pretraining: the parent's weights, a fresh optimizer, the schedule from its first step. */
import type { CptJob } from '../../schemas/types/job.ts';
import type { Outcome, TrainerContext } from '../context.ts';
import { loadModel } from '../parameters.ts';
import { trainOnSequences } from '../sequences.ts';

/** Runs a job of continued pretraining. */
export async function run(job: CptJob, context: TrainerContext): Promise<Outcome> {
  const { parent } = job.inputs;
  return trainOnSequences(job, context, { ...(await loadModel(parent)), tokenizer: parent });
}
