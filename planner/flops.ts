import { queryBlocks } from '../schemas/llama.ts';
import type { Architecture } from '../schemas/types/job.ts';

/** What a model is asked to compute in forward passes, counted. */
export interface Pass {
  /** Tokens that go through the layers. */
  read: number;
  /** Pairs of a query and a key that are multiplied. */
  pairs: number;
  /** States that go through the output matrix. */
  predicted: number;
}

/** Sequences of equal length that are read whole, each token predicting the next. */
export function wholeSequences(count: number, length: number): Pass {
  return { read: count * length, pairs: count * causalPairs(length), predicted: count * length };
}

/** Pairs of a query and a key in a sequence that is read whole: each block of queries is multiplied with the keys up to its end. */
export function causalPairs(length: number): number {
  let [end, pairs] = [0, 0];
  for (const block of queryBlocks(length)) {
    end += block;
    pairs += block * end;
  }
  return pairs;
}

/**
 * Floating-point operations of forward passes, a multiplication and an addition counting two: 2N a token (Kaplan et al.
 * 2020, arXiv 2001.08361, table 1), and for attention 2·hidden for a pair's score and as much for its value, in every
 * layer (PaLM, Chowdhery et al. 2022, arXiv 2204.02311, appendix B).
 *
 * N is what a state is multiplied with: the matrices of the layers and the output matrix, which costs as much a weight as
 * they do. The embedding table is looked up, not multiplied with, and does not count; nor do norms, rotations,
 * activations and softmax, which are no matrix products.
 *
 * Attention is counted as the built-in trainer multiplies, in blocks: all length² pairs of a sequence of up to 128 tokens,
 * nine in sixteen of them from 1,024 on, of the half that causal attention needs. (Model FLOPs by convention count all.)
 *
 * @param outputs columns of the output matrix: the vocabulary, or 1 for a critic.
 */
export function forwardFlops(architecture: Architecture, pass: Pass, outputs = architecture.vocab): number {
  const { layers, hidden } = architecture;
  const weights = 2 * layerWeights(architecture) * pass.read + 2 * outputs * hidden * pass.predicted;
  return weights + 4 * layers * hidden * pass.pairs;
}

/** Operations of forward and backward passes: three times the forward ones, as each product has two in its gradient. */
export function trainingFlops(architecture: Architecture, pass: Pass, outputs = architecture.vocab): number {
  return 3 * forwardFlops(architecture, pass, outputs);
}

/** Weights of all layers' matrices: 2d² (query, output) + 2·d·kv·(d/h) (key, value) + 3·d·ffn, for each layer. */
function layerWeights({ layers, hidden, heads, kvHeads, ffn }: Architecture): number {
  return layers * (2 * hidden ** 2 + 2 * hidden * kvHeads * (hidden / heads) + 3 * hidden * ffn);
}
