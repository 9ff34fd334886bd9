/**
 * The critic of PPO: a model of its own that says at each token what reward is still to come. It begins as a copy of
 * the policy's parent without its output matrix (as in verl and TRL), with the head of Hugging Face's
 * LlamaForTokenClassification. The head begins at zero rather than at random, so that the first advantages are the
 * rewards themselves, and no seed is needed.
 */
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import { outputMatrix, scoreMatrix } from '../schemas/llama.ts';
import type { Architecture } from '../schemas/types/job.ts';
import { type AdamWOptions, adamw, type Trainable } from './adamw.ts';
import type { Algorithm, Estimates, PerToken, Round } from './algorithm.ts';
import { type RowTensors, statesBefore } from './batch.ts';
import { type Episode, type Experience, measure, type Part, type UpdateTensors, updateTensors } from './episode.ts';
import type { CaptureOptions } from './graph/capture.ts';
import { linear, shifted, total } from './ops.ts';
import { disposeParameters, type Parameters } from './parameters.ts';
import { tf } from './tf.ts';
import { capturedUpdates } from './update.ts';

/** Beside the weights of LlamaForTokenClassification's head. */
const scoreBias = 'score.bias';

/** A critic whose body has the weights of `parent` and whose values are all 0. */
export function createCritic(architecture: Architecture, parent: Parameters): Parameters {
  const critic: Parameters = {};
  for (const [name, parameter] of Object.entries(parent)) {
    if (name !== outputMatrix) critic[name] = tf.variable(parameter);
  }
  critic[scoreMatrix] = tf.tidy(() => tf.variable(tf.zeros([1, architecture.hidden])));
  critic[scoreBias] = tf.tidy(() => tf.variable(tf.zeros([1])));
  return critic;
}

/** The value of each state, [N], of the critic's hidden states [N, hidden]. */
export function valuesOf(critic: Parameters, states: Tensor2D): Tensor1D {
  const products = linear(states, critic[scoreMatrix] as Tensor as Tensor2D);
  return shifted(products.as1D(), critic[scoreBias] as Tensor as Tensor1D);
}

/** The critic's part in a round. Its passes are captured functions. */
export interface CriticRole {
  /** Undefined where the algorithm has no critic. */
  trainable: Trainable | undefined;
  /** What the algorithm makes of a round. With a critic its values are among it, and the returns that it is to learn. */
  estimate(round: Round, parts: readonly Part<Episode>[]): Estimates & { values?: PerToken; returns?: PerToken };
  /** One update on a mini-batch; gives its metrics by name. */
  update(parts: readonly Part<Experience>[], lr: number): Record<string, number>;
  /** Frees all its tensors and graphs. */
  dispose(): void;
}

/** The critic of an algorithm on a policy that begins as `parent`. */
export function criticRole(
  architecture: Architecture,
  parent: Parameters,
  algorithm: Algorithm,
  options: AdamWOptions & CaptureOptions,
): CriticRole {
  if (algorithm.critic === undefined) {
    return { trainable: undefined, estimate: algorithm.estimate, update: () => ({}), dispose() {} };
  }
  const { critic, estimate } = algorithm;
  const parameters = createCritic(architecture, parent);
  const trainable = adamw(parameters, options);
  const valuesAt = (rows: RowTensors) => valuesOf(parameters, statesBefore(architecture, parameters, rows));
  const measureValues = measure(valuesAt, options);
  const learn = capturedUpdates(
    trainable,
    ({ weights, shares: _, values, returns, ...rows }: UpdateTensors<'values' | 'returns'>) => ({
      loss: total(tf.mul(weights, critic.loss(valuesAt(rows), values, returns))),
    }),
    options,
  );
  return {
    trainable,
    estimate(round, parts) {
      const values = measureValues(parts);
      return { ...estimate({ ...round, values }), values };
    },
    update(parts, lr) {
      const { loss, gradientNorm } = learn(updateTensors(parts, ['values', 'returns'], algorithm.lossWeights), lr);
      return { valueLoss: loss, criticGradientNorm: gradientNorm, criticLr: lr };
    },
    dispose() {
      for (const made of [measureValues, learn, trainable]) made.dispose();
      disposeParameters(parameters);
    },
  };
}
