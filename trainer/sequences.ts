/** Training on packed text: what pretraining, continued pretraining, their trunks and checkpoints have in common. */
import type { Architecture, CheckpointJob, CptJob, PretrainJob, TrunkJob } from '../schemas/types/job.ts';
import { adamw } from './adamw.ts';
import type { Batch } from './batch.ts';
import type { Outcome, TrainerContext } from './context.ts';
import { type MixedSequence, mixText } from './data/mixture.ts';
import { trainedOnText } from './data/trained-on.ts';
import { TrainerFailure } from './failure.ts';
import { train } from './loop.ts';
import type { Parameters } from './parameters.ts';
import { learningRate, type ScheduleOptions } from './schedule.ts';
import { supervisedOptions, supervisedSteps } from './supervised.ts';
import { loadTokenizer, requireVocabulary } from './tokenizer/load.ts';

/** Where training starts. */
export interface Start {
  architecture: Architecture;
  parameters: Parameters;
  /** Folder with tokenizer.json. */
  tokenizer: string;
}

type TextJob = PretrainJob | CptJob | TrunkJob | CheckpointJob;

/**
 * Trains on the mixture of the job's recipe, each of its sequences once, with a fresh optimizer and the whole schedule:
 * a continued pretraining does not go on with its parent's (as LitGPT and EvoLM do it).
 *
 * Where the job has a trunk, the part of the same run that the trunk has done is left out: weights, optimizer, step and
 * learning rate go on where it ended, and the result is that of the whole run. A checkpoint is the whole run, and stops after
 * so many steps.
 */
export async function trainOnSequences(job: TextJob, context: TrainerContext, start: Start): Promise<Outcome> {
  const { inputs } = job;
  const recipe = job.type === 'checkpoint' ? job.recipe.run : job.recipe;
  const { architecture, parameters } = start;
  const { steps, batchSequences } = recipe;
  if (job.recipe.steps > steps) {
    throw new TrainerFailure('bad-job', `${job.address} is at step ${job.recipe.steps}, and its run has ${steps}.`);
  }
  const asked = recipe.mix.reduce((sum, { sequences }) => sum + sequences, 0);
  if (asked !== steps * batchSequences) {
    throw new TrainerFailure(
      'bad-job',
      `The mixture has ${asked} sequences, and ${steps} steps of ${batchSequences} take ${steps * batchSequences}.`,
    );
  }
  const tokenizer = await loadTokenizer(start.tokenizer);
  requireVocabulary(tokenizer, architecture, 'bad-job');
  const text = mixText(recipe.mix, tokenizer, architecture.context, job.seed, inputs.data);
  const schedule = scheduleOf(job);
  const model = adamw(parameters, recipe);
  const update = supervisedSteps(architecture, model, supervisedOptions(recipe, job.placement));
  let read = 0;
  /** The sequences of a step. Those of earlier steps that were done before are passed over. */
  const sequencesOf = (index: number) => {
    for (; read < index; read++) text.take(batchSequences);
    read += 1;
    return text.take(batchSequences);
  };
  return train(job, context, {
    steps: job.recipe.steps,
    trunk: inputs.trunk,
    leaves: job.type === 'trunk' || job.type === 'checkpoint' ? 'trunk' : 'model',
    architecture,
    tokenizer: start.tokenizer,
    trainables: { model },
    step(index) {
      const sequences = sequencesOf(index);
      const batch = batchOf(sequences, architecture.context);
      const values = { ...update(batch, learningRate(index, steps, schedule)), ...named('epochs', text.epochs()) };
      return { tokens: batch.targets.length, values, data: trainedOnText(sequences) };
    },
    facts() {
      const { tokens, uniqueTokens, unigramEntropy, epochs } = text.tally();
      return { trainTokens: tokens, uniqueTokens, unigramEntropy, ...named('epochs', epochs) };
    },
  });
}

/** A trunk is a run under wsd that never comes to its decay. Throws `bad-job` where a decay would begin in the warm-up. */
function scheduleOf(job: TextJob): ScheduleOptions {
  if (job.type !== 'trunk') {
    const { address } = job;
    const recipe = job.type === 'checkpoint' ? job.recipe.run : job.recipe;
    if (recipe.schedule === 'wsd' && recipe.warmupSteps + recipe.decaySteps > recipe.steps) {
      const phases = `a warm-up of ${recipe.warmupSteps} and a decay of ${recipe.decaySteps}`;
      throw new TrainerFailure('bad-job', `${address}: ${phases} are more than the ${recipe.steps} steps there are.`);
    }
    return recipe;
  }
  const { lr, warmupSteps } = job.recipe;
  return { schedule: 'wsd', lr, minLr: lr, warmupSteps, decaySteps: 0 };
}

/** Numbers under names of their own: `epochs.web`. */
function named(what: string, numbers: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [`${what}.${name}`, value]));
}

/** Sequences of context + 1 tokens as a batch: each token is read to predict the next. */
function batchOf(sequences: readonly MixedSequence[], context: number): Batch {
  const tokens = new Int32Array(sequences.length * context);
  const targets = new Int32Array(tokens.length);
  for (const [index, sequence] of sequences.entries()) {
    tokens.set(sequence.tokens.subarray(0, context), index * context);
    targets.set(sequence.tokens.subarray(1), index * context);
  }
  const weights = new Float32Array(tokens.length).fill(1 / tokens.length);
  return { sequences: sequences.length, time: context, tokens, targets, weights };
}
