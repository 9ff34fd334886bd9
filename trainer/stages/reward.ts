import type { RewardJob } from '../../schemas/types/job.ts';
import type { Outcome, TrainerContext } from '../context.ts';
import { TrainerFailure } from '../failure.ts';

/** Runs a reward job. */
export async function run(job: RewardJob, _context: TrainerContext): Promise<Outcome> {
  throw new TrainerFailure('bad-job', `${job.address}: this is not built yet`);
}
