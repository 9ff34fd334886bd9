/** Learning from given tokens: the step that pretraining, continued pretraining and fine-tuning share. */
import type { Scalar, Tensor, Tensor2D } from '@tensorflow/tfjs-node';
import type { Architecture } from '../schemas/types/job.ts';
import { type Trainable, valueAndGradients } from './adamw.ts';
import { hiddenStates, outputLogProbs, type Parameters, rows } from './model.ts';
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

/** Loss: the weighted negative log-likelihood of the targets, in nats. A function of the parameters and the batch alone. */
export function supervisedLoss(architecture: Architecture, parameters: Parameters, batch: Batch): Scalar {
  const tokens = tf.tensor2d(batch.tokens, [batch.sequences, batch.time], 'int32');
  const hidden = hiddenStates(architecture, parameters, tokens).reshape([-1, architecture.hidden]) as Tensor2D;
  const chosen = batch.places === undefined ? hidden : rows(hidden, tf.tensor1d(batch.places, 'int32'));
  const output = parameters['lm_head.weight'] as Tensor as Tensor2D;
  const logProbs = outputLogProbs(chosen, output, tf.tensor1d(batch.targets, 'int32'));
  return tf.neg(tf.sum(tf.mul(logProbs, tf.tensor1d(batch.weights))));
}

/** One optimizer update on a batch. Gives its metrics: the loss before the update, the gradient norm before clipping. */
export function supervisedStep(
  architecture: Architecture,
  model: Trainable,
  batch: Batch,
  lr: number,
): Record<string, number> {
  return tf.tidy(() => {
    const { value, gradients } = valueAndGradients(
      () => supervisedLoss(architecture, model.parameters, batch),
      model.parameters,
    );
    const gradientNorm = model.update(gradients, lr);
    return { loss: value.dataSync()[0] as number, lr, gradientNorm };
  }) as unknown as Record<string, number>;
}
