/** Pretraining: a new model on a mixture of text. */
import { whatIsMisshapen } from '../../schemas/llama.ts';
import type { Architecture, PretrainJob } from '../../schemas/types/job.ts';
import type { Outcome, TrainerContext } from '../context.ts';
import { TrainerFailure } from '../failure.ts';
import { initialise } from '../init.ts';
import { type Start, trainOnSequences } from '../sequences.ts';

/** Runs a pretraining job. */
export async function run(job: PretrainJob, context: TrainerContext): Promise<Outcome> {
  const { address, recipe, inputs, seed } = job;
  return trainOnSequences(job, context, untrained(address, recipe.architecture, inputs.tokenizer, seed));
}

/** A model with random weights. Throws `bad-job` for a shape that is none, naming the node. */
export function untrained(address: string, architecture: Architecture, tokenizer: string, seed: number): Start {
  const misshapen = whatIsMisshapen(architecture);
  if (misshapen !== undefined) throw new TrainerFailure('bad-job', `${address}: ${misshapen}.`);
  return { architecture, parameters: initialise(architecture, seed), tokenizer };
}
