/**
 * The critic of PPO: a model of its own that says at each token what reward is still to come. It begins as a copy of
 * the policy's parent without its output matrix (as in verl and TRL), with the head of Hugging Face's
 * LlamaForTokenClassification. The head begins at zero rather than at random, so that the first advantages are the
 * rewards themselves, and no seed is needed.
 */
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import type { Architecture } from '../schemas/types/job.ts';
import type { Parameters } from './model.ts';
import { tf } from './tf.ts';

const weight = 'score.weight';
const bias = 'score.bias';

/** A critic whose body has the weights of `parent` and whose values are all 0. */
export function createCritic(architecture: Architecture, parent: Parameters): Parameters {
  const critic: Parameters = {};
  for (const [name, parameter] of Object.entries(parent)) {
    if (name !== 'lm_head.weight') critic[name] = tf.variable(parameter);
  }
  critic[weight] = tf.tidy(() => tf.variable(tf.zeros([1, architecture.hidden])));
  critic[bias] = tf.tidy(() => tf.variable(tf.zeros([1])));
  return critic;
}

/** The value of each state, [N], of the critic's hidden states [N, hidden]. */
export function valuesOf(critic: Parameters, states: Tensor2D): Tensor1D {
  const products = tf.matMul(states, critic[weight] as Tensor as Tensor2D, false, true);
  return tf.reshape(tf.add(products, critic[bias] as Tensor as Tensor1D), [-1]);
}
