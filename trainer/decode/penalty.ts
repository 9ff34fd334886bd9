/**
 * The repetition penalty of CTRL (Keskar et al. 2019, arXiv 1909.05858, section 4.1) as vLLM and transformers have it: the score
 * of each token that stands in the prompt or in what was written is divided by the penalty where it is above 0, and multiplied
 * by it elsewhere, whatever is said how often, and before the temperature.
 */
import type { Tensor } from '@tensorflow/tfjs-node';
import { mul } from '../kernels.ts';
import { tf } from '../tf.ts';

/** What is penalised and by how much: inputs of a captured function. */
export type Penalty = {
  /** bool [vocab, slots]: which tokens stand in which sequence. */
  seen: Tensor;
  /** float32 [1] */
  penalty: Tensor;
};

/** Scores [vocab, slots] with those of tokens that were seen made less likely; the penalty is above 0, and 1 changes nothing. */
export function penalised(scores: Tensor, { seen, penalty }: Penalty): Tensor {
  const less = tf.where(tf.greater(scores, tf.scalar(0)), tf.div(scores, penalty), mul(scores, penalty));
  return tf.where(seen, less, scores);
}

/** The penalty of some sequences, a slot each, by their prompts and what was written; of an empty slot nothing is. */
export function penaltyOf(
  sequences: readonly ({ prompt: readonly number[]; tokens: readonly number[] } | undefined)[],
  vocab: number,
  penalty: number,
): Penalty {
  const slots = sequences.length;
  const seen = new Uint8Array(vocab * slots);
  for (const [slot, sequence] of sequences.entries()) {
    for (const token of sequence?.prompt ?? []) seen[token * slots + slot] = 1;
    for (const token of sequence?.tokens ?? []) seen[token * slots + slot] = 1;
  }
  return { seen: tf.tensor2d(seen, [vocab, slots], 'bool'), penalty: tf.tensor1d([penalty]) };
}
