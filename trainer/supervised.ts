/** Learning from given tokens: the step that pretraining, continued pretraining and fine-tuning share. */
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import { tokensAtOnce } from '../schemas/passes.ts';
import type { Architecture, CptJob, Precision, PretrainJob, SftJob, TrunkJob } from '../schemas/types/job.ts';
import type { Trainable } from './adamw.ts';
import type { Batch } from './batch.ts';
import { hiddenStates } from './model.ts';
import { outputLoss, rows } from './ops.ts';
import type { Parameters } from './parameters.ts';
import { predicting } from './shapes.ts';
import { tf } from './tf.ts';
import { capturedUpdates, update } from './update.ts';

/** A batch in TensorFlow: as `Batch`, tokens [sequences, time]. */
export type BatchTensors = { tokens: Tensor2D; places?: Tensor1D; targets: Tensor1D; weights: Tensor1D };

/** Loss: the weighted negative log-likelihood of the targets, in nats. A function of the parameters and the batch alone. */
export function supervisedLoss(
  architecture: Architecture,
  parameters: Parameters,
  batch: BatchTensors,
  recompute = false,
): Scalar {
  const { tokens, places, targets, weights } = batch;
  const states = hiddenStates(architecture, parameters, tokens, recompute);
  const hidden = states.reshape([-1, architecture.hidden]) as Tensor2D;
  const chosen = places === undefined ? hidden : rows(hidden, places);
  const output = parameters['lm_head.weight'] as Tensor as Tensor2D;
  return outputLoss(chosen, output, targets, weights);
}

/** The tensors of a batch; the caller disposes them. */
export function batchTensors({ sequences, time, tokens, places, targets, weights }: Batch): BatchTensors {
  return {
    tokens: tf.tensor2d(tokens, [sequences, time], 'int32'),
    ...(places && { places: tf.tensor1d(places, 'int32') }),
    targets: tf.tensor1d(targets, 'int32'),
    weights: tf.tensor1d(weights),
  };
}

/** What an update is made from: a batch, and the optimizer's rates. */
export type UpdateTensors = BatchTensors & { rates: Tensor1D };

/** One optimizer update: the loss before it, and the norm of the gradient before clipping. */
export function supervisedUpdate(
  architecture: Architecture,
  model: Trainable,
  { rates, ...batch }: UpdateTensors,
  recompute = false,
): { loss: Scalar; gradientNorm: Scalar } {
  return update(model, lossOf(architecture, model, recompute), batch, rates);
}

export interface SupervisedOptions {
  /** Of matrix products. Default: float32. */
  precision?: Precision;
  /**
   * Keep only the inputs of each block for the backward pass, which computes the rest of it again, and run one operation
   * after the other: less memory, more time, the same bytes. Default: false.
   */
  recompute?: boolean;
  /** Tokens in one pass, for tests. */
  atOnce?: number;
}

/** The options of a job. */
export function supervisedOptions({ recipe, placement }: PretrainJob | CptJob | TrunkJob | SftJob): SupervisedOptions {
  return {
    ...(recipe.precision && { precision: recipe.precision }),
    recompute: placement.recomputeActivations ?? false,
  };
}

/** Optimizer updates as a captured function: one on each batch that it is called with. Gives its metrics. */
export interface SupervisedSteps {
  (batch: Batch, lr: number): Record<string, number>;
  /** Frees the graphs; not the model. */
  dispose(): void;
}

/**
 * Optimizer updates on batches of any size: what is more than fits into one pass goes in several, whose gradients add up.
 * As the weights of a batch's predictions add up to one, each counts the same however the batch is split.
 */
export function supervisedSteps(
  architecture: Architecture,
  model: Trainable,
  { precision = 'float32', recompute = false, atOnce = tokensAtOnce }: SupervisedOptions = {},
): SupervisedSteps {
  const updates = capturedUpdates(model, lossOf(architecture, model, recompute), { precision, inOrder: recompute });
  const step = (batch: Batch, lr: number) => {
    const parts = inParts(batch, atOnce).map((part) => () => batchTensors(part));
    const { loss, ...others } = updates(parts, lr);
    return { loss, lr, ...others };
  };
  return Object.assign(step, { dispose: updates.dispose });
}

function lossOf(architecture: Architecture, { parameters }: Trainable, recompute: boolean) {
  return (batch: BatchTensors) => ({ loss: supervisedLoss(architecture, parameters, batch, recompute) });
}

/** A batch in parts of whole sequences of at most so many tokens, though never less than one sequence. */
export function inParts(batch: Batch, atOnce: number): Batch[] {
  const { sequences, time } = batch;
  const each = Math.max(1, Math.floor(atOnce / time));
  if (sequences <= each) return [batch];
  return Array.from({ length: Math.ceil(sequences / each) }, (_, i) =>
    partOf(batch, i * each, Math.min(sequences, (i + 1) * each)),
  );
}

/** Some sequences of a batch, with what is predicted in them. */
function partOf({ time, tokens, places, targets, weights }: Batch, from: number, to: number): Batch {
  const [first, end] = [from * time, to * time];
  const read = { sequences: to - from, time, tokens: tokens.slice(first, end) };
  if (places === undefined) return { ...read, targets: targets.slice(first, end), weights: weights.slice(first, end) };
  const chosen = [...places.keys()].filter((i) => {
    const place = places[i] as number;
    return place >= first && place < end && weights[i] !== 0;
  });
  return predicting(read, {
    places: chosen.map((i) => (places[i] as number) - first),
    targets: chosen.map((i) => targets[i] as number),
    weights: chosen.map((i) => weights[i] as number),
  });
}
