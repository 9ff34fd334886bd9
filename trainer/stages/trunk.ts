/** A trunk: the part of a run under wsd before its decay, which runs of several budgets share. */
import type { TrunkJob } from '../../schemas/types/job.ts';
import type { Outcome, TrainerContext } from '../context.ts';
import { TrainerFailure } from '../failure.ts';
import { loadModel } from '../parameters.ts';
import { type Start, trainOnSequences } from '../sequences.ts';
import { untrained } from './pretrain.ts';

/** Runs the job of a trunk, from its beginning or from a shorter trunk of the same run. */
export async function run(job: TrunkJob, context: TrainerContext): Promise<Outcome> {
  return trainOnSequences(job, context, await startOf(job));
}

async function startOf({ address, seed, recipe, inputs }: TrunkJob): Promise<Start> {
  const { architecture } = recipe;
  const { tokenizer, parent } = inputs;
  if (architecture !== undefined && tokenizer !== undefined) return untrained(address, architecture, tokenizer, seed);
  if (architecture === undefined && parent !== undefined) return { ...(await loadModel(parent)), tokenizer: parent };
  throw new TrainerFailure(
    'bad-job',
    `${address}: a trunk begins with an architecture and a tokenizer, or with a parent that has both.`,
  );
}
