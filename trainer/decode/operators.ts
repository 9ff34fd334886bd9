/**
 * What a step of decoding is made of: a few operators a layer, as for few tokens what an operator costs before it begins
 * is most of what it costs.
 *
 * On the processor they are operators of our own (native.ts, and in C++ scripts/setup/kernels/columns.cc and cached.cc).
 * Elsewhere they are composed of TensorFlow's (composed.ts), which say what ours compute.
 *
 * Activations have a column a token, [width, N].
 */
import type { Tensor } from '@tensorflow/tfjs-node';
import type { RotaryTable } from '../fused/operators.ts';

/** Of one layer: [kvHeads, sequences, tokens, headSize] each. */
export interface KeysAndValues {
  keys: Tensor;
  values: Tensor;
}

/**
 * A token a slot, int32 [slots], and its ln p, [slots], under softmax(scores) or that of scores that were sharpened; it is not
 * finite where scores are not.
 */
export type Chosen = { tokens: Tensor; logProbs: Tensor };

export interface DecodingOperators {
  /** Rows of a table, [rows, width], by index, int32 [N], as columns. */
  columnsOf(table: Tensor, rows: Tensor): Tensor;
  /** W n + residual, of a weight W [out, in] and columns [in, N]; n is x / sqrt(mean(x²) + epsilon), or x where that is 0. */
  product(weight: Tensor, x: Tensor, epsilon: number, residual?: Tensor): Tensor;
  /** silu(a) * u of [a u] = W n, with W [2 ffn, in] and n as above: [ffn, N]. */
  gatedProduct(weight: Tensor, x: Tensor, epsilon: number): Tensor;
  /**
   * Attention of the latest tokens: [heads headSize, slots] of queries, keys and values one below the other,
   * [(heads + 2 kvHeads) headSize, slots], before they are turned. Keys and values are put into the cache first, each at its
   * place (int32 [slots]); each token sees those of its slot up to its own. The cache's own memory is written to.
   */
  attend(projected: Tensor, cache: KeysAndValues, places: Tensor, rotary: RotaryTable): Tensor;
  /** Room for keys, or values; what it holds is not looked at before it is written to. */
  room(shape: readonly number[]): Tensor;
  /** Writes keys, or values, [kvHeads, sequences, time, headSize], into slots of a cache (int32), from their first place on. */
  fill(cache: Tensor, slots: Tensor, latest: Tensor): void;
  /** Of scores [vocab, N] the likeliest token of each column, the first of several. */
  likeliest(scores: Tensor): Chosen;
}
