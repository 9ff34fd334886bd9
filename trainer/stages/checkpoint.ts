/** A checkpoint: the part of a run before some point of it, with the run's own schedule and data. */
import type { CheckpointJob } from '../../schemas/types/job.ts';
import type { Outcome, TrainerContext } from '../context.ts';
import { trainOnSequences } from '../sequences.ts';
import { startOf } from './trunk.ts';

/** Runs the job of a checkpoint, from the run's beginning or from an earlier part of it. */
export async function run(job: CheckpointJob, context: TrainerContext): Promise<Outcome> {
  const { run } = job.recipe;
  return trainOnSequences(job, context, await startOf(job, 'architecture' in run ? run.architecture : undefined));
}
