/** TRL as a trainer: supervised fine-tuning, direct preference optimisation, reward models, reinforcement learning. */
import type { Job } from '../../schemas/types/job.ts';
import type { Outcome, TrainerContext } from '../../trainer/context.ts';
import { TrainerFailure } from '../../trainer/failure.ts';
import { askDpo, askReward, askSft } from '../hugging-face.ts';
import { trainWith } from '../training.ts';
import { askRl } from './rl.ts';

/** Runs a job with TRL. Throws as `trainWith`; `bad-job` for what TRL does not train. */
export async function run(job: Job, context: TrainerContext): Promise<Outcome> {
  switch (job.type) {
    case 'sft':
      return trainWith('trl', job, context, (ground) => askSft(job, ground));
    case 'dpo':
      return trainWith('trl', job, context, (ground) => askDpo(job, ground));
    case 'reward':
      return trainWith('trl', job, context, (ground) => askReward(job, ground));
    case 'rl':
      return trainWith('trl', job, context, (ground) => askRl(job, ground));
    default:
      throw new TrainerFailure('bad-job', `${job.address}: TRL does not train ${job.type}.`);
  }
}
