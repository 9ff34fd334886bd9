/** Learning from given tokens: the step that pretraining, continued pretraining and fine-tuning share. */
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import type { Architecture } from '../schemas/types/job.ts';
import { type Trainable, valueAndGradients } from './adamw.ts';
import { type CaptureOptions, capture } from './graph/capture.ts';
import { hiddenStates, outputLoss, type Parameters, rows } from './model.ts';
import { tf } from './tf.ts';

/** Tokens to read and tokens to predict, as plain arrays. */
export interface Batch {
  sequences: number;
  /** Length of each sequence, padded on the right where it is shorter. */
  time: number;
  /** sequences * time token ids, a sequence after the other. */
  tokens: Int32Array;
  /** Places (indices into `tokens`) after which a token is predicted; undefined for all of them. */
  places?: Int32Array;
  /** What is predicted at each place. */
  targets: Int32Array;
  /** Weight of each prediction in the loss: they add up to one, and padding has none. */
  weights: Float32Array;
}

/** A batch in TensorFlow: as `Batch`, tokens [sequences, time]. */
export type BatchTensors = { tokens: Tensor2D; places?: Tensor1D; targets: Tensor1D; weights: Tensor1D };

/** Loss: the weighted negative log-likelihood of the targets, in nats. A function of the parameters and the batch alone. */
export function supervisedLoss(architecture: Architecture, parameters: Parameters, batch: BatchTensors): Scalar {
  const { tokens, places, targets, weights } = batch;
  const hidden = hiddenStates(architecture, parameters, tokens).reshape([-1, architecture.hidden]) as Tensor2D;
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
): { loss: Scalar; gradientNorm: Scalar } {
  const { value, gradients } = valueAndGradients(
    () => supervisedLoss(architecture, model.parameters, batch),
    model.parameters,
  );
  return { loss: value, gradientNorm: model.apply(gradients, rates) };
}

/** Optimizer updates as a captured function: one on each batch that it is called with. Gives its metrics. */
export function supervisedSteps(
  architecture: Architecture,
  model: Trainable,
  options?: CaptureOptions,
): (batch: Batch, lr: number) => Record<string, number> {
  const update = capture((tensors: UpdateTensors) => supervisedUpdate(architecture, model, tensors), options);
  return (batch, lr) =>
    tf.tidy(() => {
      const { loss, gradientNorm } = update({ ...batchTensors(batch), rates: model.nextRates(lr) });
      return { loss: loss.dataSync()[0] as number, lr, gradientNorm: gradientNorm.dataSync()[0] as number };
    }) as unknown as Record<string, number>;
}
