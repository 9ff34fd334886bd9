/** Training on packed text: what pretraining and continued pretraining have in common. */
import type { Architecture, CptJob, PretrainJob } from '../schemas/types/job.ts';
import { adamw } from './adamw.ts';
import type { Outcome, TrainerContext } from './context.ts';
import { packSequences } from './data/mixture.ts';
import { TrainerFailure } from './failure.ts';
import { train } from './loop.ts';
import type { Parameters } from './model.ts';
import { learningRate } from './schedule.ts';
import { type Batch, supervisedStep } from './supervised.ts';
import { loadTokenizer } from './tokenizer/load.ts';

/** Where training starts. */
export interface Start {
  architecture: Architecture;
  parameters: Parameters;
  /** Folder with tokenizer.json. */
  tokenizer: string;
}

/**
 * Trains on the mixture of the job's recipe, each of its sequences once, with a fresh optimizer and the whole schedule:
 * a continued pretraining does not go on with its parent's (as LitGPT and EvoLM do it).
 */
export async function trainOnSequences(
  job: PretrainJob | CptJob,
  context: TrainerContext,
  start: Start,
): Promise<Outcome> {
  const { recipe, seed, inputs } = job;
  const { architecture, parameters } = start;
  const { steps, batchSequences } = recipe;
  const asked = recipe.mix.reduce((sum, { sequences }) => sum + sequences, 0);
  if (asked !== steps * batchSequences) {
    throw new TrainerFailure(
      'bad-job',
      `The mixture has ${asked} sequences, and ${steps} steps of ${batchSequences} take ${steps * batchSequences}.`,
    );
  }
  const tokenizer = await loadTokenizer(start.tokenizer);
  if (tokenizer.vocab > architecture.vocab) {
    throw new TrainerFailure(
      'bad-job',
      `The tokenizer has ${tokenizer.vocab} tokens, and the model has a vocabulary of ${architecture.vocab}.`,
    );
  }
  const { sequences, trainTokens, unigramEntropy } = packSequences(
    recipe.mix,
    tokenizer,
    architecture.context,
    seed,
    inputs.data,
  );
  const model = adamw(parameters, recipe);
  return train(job, context, {
    steps,
    architecture,
    tokenizer: start.tokenizer,
    trainables: { model },
    step(index) {
      const batch = batchOf(
        sequences.slice(index * batchSequences, (index + 1) * batchSequences),
        architecture.context,
      );
      const values = supervisedStep(architecture, model, batch, learningRate(index, steps, recipe));
      return { tokens: batch.targets.length, values };
    },
    facts: { trainTokens, unigramEntropy },
  });
}

/** Sequences of context + 1 tokens as a batch: each token is read to predict the next. */
function batchOf(sequences: Int32Array[], context: number): Batch {
  const tokens = new Int32Array(sequences.length * context);
  const targets = new Int32Array(tokens.length);
  for (const [index, sequence] of sequences.entries()) {
    tokens.set(sequence.subarray(0, context), index * context);
    targets.set(sequence.subarray(1), index * context);
  }
  const weights = new Float32Array(tokens.length).fill(1 / tokens.length);
  return { sequences: sequences.length, time: context, tokens, targets, weights };
}
