/** Learning from given tokens: the step that pretraining, continued pretraining and fine-tuning share. */
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import { outputMatrix } from '../schemas/llama.ts';
import { tokensAtOnce } from '../schemas/passes.ts';
import type { Architecture, Placement, Precision, SftRecipe } from '../schemas/types/job.ts';
import type { Trainable } from './adamw.ts';
import { type Batch, type BatchTensors, batchTensors, inParts, statesBefore } from './batch.ts';
import { outputLoss } from './ops.ts';
import type { Parameters } from './parameters.ts';
import { capturedUpdates, update } from './update.ts';

/** Loss: the weighted negative log-likelihood of the targets, in nats. A function of the parameters and the batch alone. */
export function supervisedLoss(
  architecture: Architecture,
  parameters: Parameters,
  batch: BatchTensors,
  recompute = false,
): Scalar {
  const states = statesBefore(architecture, parameters, batch, recompute);
  const output = parameters[outputMatrix] as Tensor as Tensor2D;
  return outputLoss(states, output, batch.targets, batch.weights);
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

/** The options of a job, by its recipe and its placement. */
export function supervisedOptions(
  { precision }: Pick<SftRecipe, 'precision'>,
  placement: Placement,
): SupervisedOptions {
  return {
    ...(precision && { precision }),
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
