import type { DpoJob } from '../../schemas/types/job.ts';
import type { Outcome, TrainerContext } from '../context.ts';
import { TrainerFailure } from '../failure.ts';

/** Runs a dpo job. */
export async function run(job: DpoJob, _context: TrainerContext): Promise<Outcome> {
  throw new TrainerFailure('bad-job', `${job.address}: this is not built yet`);
}
