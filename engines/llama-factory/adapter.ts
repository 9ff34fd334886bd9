/** LLaMA-Factory as a trainer: supervised fine-tuning and direct preference optimisation. */
import type { Job } from '../../schemas/types/job.ts';
import type { Outcome, TrainerContext } from '../../trainer/context.ts';
import { TrainerFailure } from '../../trainer/failure.ts';
import { askDpo, askSft } from '../hugging-face.ts';
import { trainWith } from '../training.ts';

/** Runs a job with LLaMA-Factory. Throws as `trainWith`; `bad-job` for what it does not train. */
export async function run(job: Job, context: TrainerContext): Promise<Outcome> {
  switch (job.type) {
    case 'sft':
      return trainWith('llama-factory', job, context, (ground) => askSft(job, ground));
    case 'dpo':
      return trainWith('llama-factory', job, context, (ground) => askDpo(job, ground));
    default:
      throw new TrainerFailure('bad-job', `${job.address}: LLaMA-Factory does not train ${job.type}.`);
  }
}
