/**
 * The model's differentiable pieces, each with its gradient written out. (Attention has a file of its own.)
 *
 * tfjs differentiates operator by operator, and keeps and re-reads every intermediate. Written as one piece, a block of
 * the model keeps only what its gradient needs and touches memory a good deal less. Conventions: N is a count of rows
 * (batch times time), activations are [N, width], weights [out, in]; dy is the gradient of the loss by a piece's value.
 */
import type { NamedTensorMap, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import {
  add,
  add3,
  gather,
  log,
  matMul,
  max,
  mul,
  reshape,
  rsqrt,
  segmentSum,
  sigmoid,
  sigmoidGrad,
  softmax,
  square,
  sub,
  sum,
} from './kernels.ts';
import { tf } from './tf.ts';

/** y = x Wᵀ, [N, out], of x [N, in] and weight [out, in]. */
export function linear(x: Tensor2D, weight: Tensor2D): Tensor2D {
  return tf.matMul(x, weight, false, true);
}

/** Rows of a matrix [R, D] by index (int32 [N]): [N, D]. The gradient adds up the rows that were taken more than once. */
export function rows(matrix: Tensor2D, indices: Tensor1D): Tensor2D {
  return piece([matrix], () => ({
    value: gather(matrix, indices),
    saved: { indices },
    gradient: (dy, { indices }) => [segmentSum(dy, indices, matrix.shape[0] as number)],
  }));
}

/**
 * RMSNorm (Zhang and Sennrich 2019, arXiv 1910.07467): y = g * n with n = x / sqrt(mean(x²) + epsilon); x [N, D], g [D].
 */
export function rmsNorm(x: Tensor2D, gain: Tensor1D, epsilon: number): Tensor2D {
  return piece([x, gain], () => {
    const { n, r } = normalise(x, epsilon);
    return {
      value: mul(n, gain),
      saved: { n, r, gain },
      gradient: (dy, { n, r, gain }) => [normaliseGradient(mul(dy, gain), n, r), sum(mul(dy, n), 0)],
    };
  });
}

/** n = r x with r = 1 / sqrt(mean(x²) + epsilon), a number a row. */
export function normalise(x: Tensor, epsilon: number): { n: Tensor; r: Tensor } {
  const width = x.shape[1] as number;
  const r = rsqrt(add(mul(sum(square(x), 1, true), 1 / width), epsilon));
  return { n: mul(x, r), r };
}

/** dx = r (dn - n mean(n * dn)), plus the gradient that came past the norm on the residual stream. */
export function normaliseGradient(dn: Tensor, n: Tensor, r: Tensor, residual?: Tensor): Tensor {
  const width = n.shape[1] as number;
  const along = mul(n, mul(r, mul(sum(mul(n, dn), 1, true), -1 / width)));
  return residual === undefined ? add(mul(dn, r), along) : add3(residual, mul(dn, r), along);
}

/** The weights of a feed-forward block: the gain of its norm, [D], then [ffn, D], [ffn, D], [D, ffn]. */
export interface FeedForwardWeights {
  gain: Tensor1D;
  gate: Tensor2D;
  up: Tensor2D;
  down: Tensor2D;
}

/**
 * A residual feed-forward block with SwiGLU (Shazeer 2020, arXiv 2002.05202), of x [N, D]:
 *
 *     n = normalise(x)    a = n (Wgate g)ᵀ    u = n (Wup g)ᵀ    y = x + (silu(a) * u) Wdownᵀ,    silu(a) = a σ(a)
 *
 * The gain g of the norm is multiplied into the columns of the weights that follow: they have fewer rows than x.
 * silu'(a) = σ + a σ (1 - σ).
 */
export function feedForward(x: Tensor2D, weights: FeedForwardWeights, epsilon: number): Tensor2D {
  const { gain, gate, up, down } = weights;
  return piece([x, gain, gate, up, down], () => {
    const { n, r } = normalise(x, epsilon);
    const a = matMul(n, mul(gate, gain), false, true);
    const u = matMul(n, mul(up, gain), false, true);
    const sigma = sigmoid(a);
    const silu = mul(a, sigma);
    const product = mul(silu, u);
    return {
      value: add(x, matMul(product, down, false, true)),
      saved: { n, r, a, u, sigma, silu, product },
      gradient: (dy, { n, r, a, u, sigma, silu, product }) => {
        const dProduct = matMul(dy, down);
        const du = mul(dProduct, silu);
        const da = mul(mul(dProduct, u), add(sigma, sigmoidGrad(sigma, a)));
        const dn = add(matMul(da, mul(gate, gain)), matMul(du, mul(up, gain)));
        const [dGate, dUp] = [matMul(da, n, true), matMul(du, n, true)];
        const dGain = add(sum(mul(dGate, gate), 0), sum(mul(dUp, up), 0));
        return [normaliseGradient(dn, n, r, dy), dGain, mul(dGate, gain), mul(dUp, gain), matMul(dy, product, true)];
      },
    };
  });
}

/**
 * ln p(target) of each row, [N], under softmax(logits), logits [N, vocab], targets int32 [N]. dlogits = dy (onehot - p).
 */
export function tokenLogProbs(logits: Tensor2D, targets: Tensor1D): Tensor1D {
  return piece([logits], () => {
    const { probabilities, logProbs } = softmaxLogProbs(logits, targets);
    return {
      value: logProbs,
      saved: { probabilities, targets },
      gradient: (dy, { probabilities, targets }) => {
        const onehot = tf.oneHot(targets as Tensor1D, probabilities.shape[1] as number, 1, 0, 'float32');
        return [mul(sub(onehot, probabilities), reshape(dy, [-1, 1]))];
      },
    };
  });
}

/**
 * ln p(target) of each row straight from the hidden states x [N, D] and the output weight W [vocab, D]: the output layer
 * and the cross-entropy as one piece, which never builds the gradient by the logits (onehot - p):
 *
 * dx = dy * (W[target] - p W), dW = (rows of dy * x added up by target) - pᵀ (dy * x).
 */
export function outputLogProbs(x: Tensor2D, weight: Tensor2D, targets: Tensor1D): Tensor1D {
  return piece([x, weight], () => {
    const { probabilities, logProbs } = softmaxLogProbs(matMul(x, weight, false, true), targets);
    return {
      value: logProbs,
      saved: { x, targets, probabilities },
      gradient: (dy, { x, targets, probabilities }) => {
        const column = reshape(dy, [-1, 1]);
        const weighted = mul(x, column);
        const dx = mul(column, sub(gather(weight, targets), matMul(probabilities, weight)));
        const taken = segmentSum(weighted, targets, weight.shape[0] as number);
        return [dx, sub(taken, matMul(probabilities, weighted, true))];
      },
    };
  });
}

/** softmax(logits), and ln of each row's target: logit - logsumexp, with logsumexp = max(logits) - ln max(p), exact at any size. */
function softmaxLogProbs(logits: Tensor, targets: Tensor1D): { probabilities: Tensor; logProbs: Tensor } {
  const [count, vocab] = logits.shape as [number, number];
  const probabilities = softmax(logits);
  const places = tf.add(tf.range(0, count * vocab, vocab, 'int32'), targets);
  const chosen = gather(reshape(logits, [-1]), places);
  const logSum = sub(max(logits, 1), log(max(probabilities, 1)));
  return { probabilities, logProbs: sub(chosen, logSum) };
}

/** The forward pass of a piece, and its gradient. */
export interface Piece<Saved extends NamedTensorMap> {
  value: Tensor;
  /**
   * What the gradient needs of the forward pass, whose other tensors are gone by then: it must use these, not those that
   * it closes over. Parameters may be used as they are: they outlive both.
   */
  saved: Saved;
  /** Gradients by the inputs, from the gradient by the value and what was saved. */
  gradient(dy: Tensor, saved: Saved): Tensor[];
}

/** `forward` as a function that tfjs's tape knows. Without a tape only the forward pass runs and nothing is kept. */
export function piece<Saved extends NamedTensorMap, Result extends Tensor>(
  inputs: Tensor[],
  forward: () => Piece<Saved>,
): Result {
  const differentiable = tf.customGrad((...args) => {
    const save = args.pop() as unknown as (tensors: Tensor[]) => void;
    const { value, saved, gradient } = forward();
    const names = Object.keys(saved);
    save(Object.values(saved));
    const named = (tensors: Tensor[]) =>
      Object.fromEntries(names.map((name, index) => [name, tensors[index]])) as Saved;
    return { value, gradFunc: (dy, tensors) => gradient(dy, named(tensors as Tensor[])) };
  });
  return differentiable(...inputs) as Result;
}
