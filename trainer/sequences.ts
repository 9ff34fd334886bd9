/** Training on packed text: what pretraining, continued pretraining and their trunks have in common. */
import type { Architecture, CptJob, PretrainJob, TrunkJob } from '../schemas/types/job.ts';
import { adamw } from './adamw.ts';
import type { Outcome, TrainerContext } from './context.ts';
import { type PackedData, packInterleaved, packSequences } from './data/mixture.ts';
import { TrainerFailure } from './failure.ts';
import { train } from './loop.ts';
import type { Parameters } from './model.ts';
import { learningRate, type ScheduleOptions } from './schedule.ts';
import { type Batch, supervisedSteps } from './supervised.ts';
import { loadTokenizer, type Tokenizer } from './tokenizer/load.ts';

/** Where training starts. */
export interface Start {
  architecture: Architecture;
  parameters: Parameters;
  /** Folder with tokenizer.json. */
  tokenizer: string;
}

type TextJob = PretrainJob | CptJob | TrunkJob;

/**
 * Trains on the mixture of the job's recipe, each of its sequences once, with a fresh optimizer and the whole schedule:
 * a continued pretraining does not go on with its parent's (as LitGPT and EvoLM do it).
 *
 * Where the job has a trunk, the part of the same run that the trunk has done is left out: weights, optimizer, step and
 * learning rate go on where it ended, and the result is that of the whole run.
 */
export async function trainOnSequences(job: TextJob, context: TrainerContext, start: Start): Promise<Outcome> {
  const { recipe, inputs } = job;
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
  const { sequences, trainTokens, unigramEntropy } = packedData(job, tokenizer, architecture.context);
  const schedule = scheduleOf(job);
  const model = adamw(parameters, recipe);
  const update = supervisedSteps(architecture, model, recipe);
  const outcome = await train(job, context, {
    steps,
    trunk: inputs.trunk,
    leaves: job.type === 'trunk' ? 'trunk' : 'model',
    architecture,
    tokenizer: start.tokenizer,
    trainables: { model },
    step(index) {
      const batch = batchOf(
        sequences.slice(index * batchSequences, (index + 1) * batchSequences),
        architecture.context,
      );
      const values = update(batch, learningRate(index, steps, schedule));
      return { tokens: batch.targets.length, values };
    },
    facts: { trainTokens, unigramEntropy },
  });
  update.dispose();
  return outcome;
}

/** A trunk is a run under wsd that never comes to its decay. */
function scheduleOf(job: TextJob): ScheduleOptions {
  if (job.type !== 'trunk') return job.recipe;
  const { lr, warmupSteps } = job.recipe;
  return { schedule: 'wsd', lr, minLr: lr, warmupSteps, decaySteps: 0 };
}

/** Under wsd in an order that a longer run begins with too. */
function packedData({ recipe, seed, inputs }: TextJob, tokenizer: Tokenizer, context: number): PackedData {
  return 'warmupSteps' in recipe
    ? packInterleaved(recipe.mix, tokenizer, context, seed, inputs.data)
    : packSequences(recipe.mix, tokenizer, context, seed, inputs.data);
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
