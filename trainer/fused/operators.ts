/**
 * What a training step does between its products of matrices, as operators that go over memory once.
 *
 * On the processor they are operators of our own (native.ts, and in C++ scripts/setup/kernels/). Elsewhere they are
 * composed of TensorFlow's (composed.ts), which a compiler for that device fuses by itself, and which say what ours compute.
 */
import type { Tensor } from '@tensorflow/tfjs-node';

/** How heads lie in a batch: queries go through attention in blocks of so many, the last of what is left. */
export interface Heads {
  batch: number;
  time: number;
  heads: number;
  kvHeads: number;
  headSize: number;
  /** Lengths of the blocks: all alike, but for the last. */
  blocks: readonly number[];
  rotary: RotaryTable;
  /** Where the document of each token begins in its sequence, int32 [batch, time]; without it a sequence is one document. */
  begins?: Tensor | undefined;
}

/** Cosines and signed sines of a rotary embedding: [time, headSize], or of each token, [batch, time, headSize]. */
export interface RotaryTable {
  cos: Tensor;
  sin: Tensor;
}

/** Queries by block, [kvHeads, batch, group, block, headSize] each; keys and values, [kvHeads, batch, time, headSize]. */
export interface Split {
  q: Tensor[];
  k: Tensor;
  v: Tensor;
}

/** The settings of AdamW that stay: β1 and β2. */
export type Betas = readonly [number, number];

/** Gradients are by the loss; N is a count of rows. */
export interface Operators {
  /** y = g * n with n = r x and r = 1 / sqrt(mean(x²) + epsilon), a number a row: x and y [N, D], g [D], r [N]. */
  rmsNorm(x: Tensor, gain: Tensor, epsilon: number): { y: Tensor; r: Tensor };
  /** dx = r (g dy - n mean(n g dy)) + residual, which is the gradient that came past the norm; dg = Σ dy n over the rows. */
  rmsNormGradient(dy: Tensor, x: Tensor, gain: Tensor, r: Tensor, residual?: Tensor): { dx: Tensor; dGain: Tensor };
  /** silu(a) * u with silu(a) = a σ(a), [N, ffn], of a and u side by side, [N, 2, ffn]. */
  swiGlu(au: Tensor): Tensor;
  /** da = dy u (σ + a σ (1 - σ)) and du = dy a σ, side by side. */
  swiGluGradient(dy: Tensor, au: Tensor): Tensor;
  /**
   * p = softmax over the keys that a query sees, and 0 for the others: scores [.., batch, group * block, keys] of a block of
   * queries whose last one sees all keys, and each one key less than the next. With `begins`, int32 [batch, time >= keys], a
   * query sees no key before the place where its document begins.
   */
  causalSoftmax(scores: Tensor, block: number, begins?: Tensor): Tensor;
  /** dscores = p (dp - Σ dp p). */
  causalSoftmaxGradient(p: Tensor, dp: Tensor, block: number, begins?: Tensor): Tensor;
  /** Queries, turned and times `scale`, keys, turned, and values, of [N, (heads + 2 kvHeads) headSize]. */
  splitHeads(projected: Tensor, scale: number, heads: Heads): Split;
  splitHeadsGradient(gradients: Split, scale: number, heads: Heads): Tensor;
  /** What each head gives, in blocks as queries are, as rows of tokens: [N, heads * headSize]. */
  mergeHeads(o: readonly Tensor[], heads: Heads): Tensor;
  mergeHeadsGradient(dMerged: Tensor, heads: Heads): Tensor[];
  /**
   * θ, m and v after an update, all of one length: with g the gradient times `clip`, and rates [size, floor, decay],
   *
   *     m = β1 m + (1 - β1) g    v = β2 v + (1 - β2) g²    θ = decay θ - size m / (sqrt(v) + floor)
   */
  adamW(
    state: { theta: Tensor; m: Tensor; v: Tensor },
    gradient: Tensor,
    rates: Tensor,
    clip: Tensor,
    betas: Betas,
  ): { theta: Tensor; m: Tensor; v: Tensor };
}
