/** A trunk: the part of a run under wsd before its decay, which runs of several budgets share. */
import type { Architecture, CheckpointJob, TrunkJob } from '../../schemas/types/job.ts';
import type { Outcome, TrainerContext } from '../context.ts';
import { TrainerFailure } from '../failure.ts';
import { loadModel } from '../parameters.ts';
import { type Start, trainOnSequences } from '../sequences.ts';
import { untrained } from './pretrain.ts';

/** Runs the job of a trunk, from its beginning or from a shorter trunk of the same run. */
export async function run(job: TrunkJob, context: TrainerContext): Promise<Outcome> {
  return trainOnSequences(job, context, await startOf(job, job.recipe.architecture));
}

/**
 * Where the beginning of a run starts: random weights where the run has an architecture, else its parent. Throws `bad-job`
 * where the job has neither, or both.
 */
export async function startOf(
  { type, address, seed, inputs }: TrunkJob | CheckpointJob,
  architecture: Architecture | undefined,
): Promise<Start> {
  const { tokenizer, parent } = inputs;
  if (architecture !== undefined && tokenizer !== undefined) return untrained(address, architecture, tokenizer, seed);
  if (architecture === undefined && parent !== undefined) return { ...(await loadModel(parent)), tokenizer: parent };
  throw new TrainerFailure(
    'bad-job',
    `${address}: a ${type} begins with an architecture and a tokenizer, or with a parent that has both.`,
  );
}
