/**
 * The model's differentiable pieces, each with its gradient written out. (Attention has a file of its own.)
 *
 * tfjs differentiates operator by operator, and keeps and re-reads every intermediate. Written as one piece, a block of
 * the model keeps only what its gradient needs and touches memory a good deal less. Conventions: N is a count of rows
 * (batch times time), activations are [N, width], weights [out, in]; dy is the gradient of the loss by a piece's value.
 */
import type { NamedTensorMap, Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import { rowsAtOnce, rowsTogether } from '../schemas/passes.ts';
import { rmsNorm, rmsNormGradient, swiGlu, swiGluGradient } from './fused/device.ts';
import { after } from './graph/capture.ts';
import {
  add,
  concat,
  gather,
  joined,
  log,
  matMul,
  max,
  mul,
  reshape,
  segmentSum,
  softmax,
  split,
  sub,
  sum,
} from './kernels.ts';
import { tf } from './tf.ts';

/** y = x Wᵀ, [N, out], of x [N, in] and weight [out, in]. dx = dy W. */
export function linear(x: Tensor2D, weight: Tensor2D): Tensor2D {
  return piece([x, weight], () => ({
    value: matMul(x, weight, false, true),
    saved: { x, weight },
    gradient: (dy, { x, weight }) => [matMul(dy, weight), weightGradient(dy, x)],
  }));
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
 * dW = dyᵀ x, [out, in], of dy [N, out] and x [N, in]: a sum over rows, in stretches of a fixed length. One product of all
 * rows would be split among the threads there are, and its last bits depend on how many.
 */
export function weightGradient(dy: Tensor, x: Tensor): Tensor {
  const count = x.shape[0] as number;
  const whole = Math.floor(count / rowsTogether);
  const [stretches, rest] = [whole * rowsTogether, count % rowsTogether];
  const parts = [dy, x].map((rows) => (whole > 0 && rest > 0 ? split(rows, [stretches, rest], 0) : [rows])) as Pair[];
  const products = rest > 0 ? [matMul(parts[0]?.at(-1) as Tensor, parts[1]?.at(-1) as Tensor, true)] : [];
  if (whole > 0) {
    const inStretches = parts.map(([rows]) => reshape(rows, [whole, rowsTogether, rows.shape[1] as number])) as Pair;
    products.unshift(sum(matMul(...inStretches, true), 0));
  }
  return products.length === 1 ? (products[0] as Tensor) : add(...(products as Pair));
}

type Pair = [Tensor, Tensor];

/** Σ x of a vector [N], in stretches of a fixed length too. */
export function total(x: Tensor): Scalar {
  const [count] = x.shape as [number];
  const rest = -count & (rowsTogether - 1);
  return piece([x], () => ({
    value: sum(sum(reshape(concat([x, tf.zeros([rest])], 0), [-1, rowsTogether]), 1), 0),
    saved: {},
    gradient: (dy) => [mul(tf.ones([count]), dy)],
  }));
}

/** Σ x of a vector [N] by segment (int32 [N]), [count]. dx = dy[segment]. */
export function segmentTotals(x: Tensor, segments: Tensor1D, count: number): Tensor1D {
  return piece([x], () => ({
    value: segmentSum(x, segments, count),
    saved: { segments },
    gradient: (dy, { segments }) => [gather(dy, segments)],
  }));
}

/** x + b, [N], of a vector and one number, [1]. */
export function shifted(x: Tensor1D, bias: Tensor1D): Tensor1D {
  return piece([x, bias], () => ({
    value: add(x, bias),
    saved: {},
    gradient: (dy) => [dy, reshape(total(dy), [1])],
  }));
}

/**
 * RMSNorm (Zhang and Sennrich 2019, arXiv 1910.07467): y = g * x / sqrt(mean(x²) + epsilon); x [N, D], g [D].
 */
export function norm(x: Tensor2D, gain: Tensor1D, epsilon: number): Tensor2D {
  return piece([x, gain], () => {
    const { y, r } = rmsNorm(x, gain, epsilon);
    return {
      value: y,
      saved: { x, r },
      gradient: (dy, { x, r }) => {
        const { dx, dGain } = rmsNormGradient(dy, x, gain, r);
        return [dx, dGain];
      },
    };
  });
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
 *     n = rmsNorm(x)    [a u] = n [Wgate, Wup]ᵀ    y = x + (silu(a) * u) Wdownᵀ,    silu(a) = a σ(a)
 */
export function feedForward(x: Tensor2D, weights: FeedForwardWeights, epsilon: number, recompute = false): Tensor2D {
  const [ffn] = weights.gate.shape;
  const inputs = [x, weights.gain, weights.gate, weights.up, weights.down];
  return piece(
    inputs,
    (x: Tensor, gain: Tensor, gate: Tensor, up: Tensor, down: Tensor) => {
      const { y: n, r } = rmsNorm(x, gain, epsilon);
      const projection = concat([gate, up], 0);
      const au = reshape(matMul(n, projection, false, true), [-1, 2, ffn]);
      const product = swiGlu(au);
      return {
        value: add(x, matMul(product, down, false, true)),
        saved: { x, n, r, projection, au, product },
        gradient: (dy, { x, n, r, projection, au, product }) => {
          const dAU = reshape(swiGluGradient(matMul(dy, down), au), [-1, 2 * ffn]);
          const { dx, dGain } = rmsNormGradient(matMul(dAU, projection), x, gain, r, dy);
          const [dGate, dUp] = split(weightGradient(dAU, n), [ffn, ffn], 0) as Pair;
          return [dx, dGain, dGate, dUp, weightGradient(dy, product)];
        },
      };
    },
    { recompute },
  );
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
 * The output layer and its cross-entropy: the loss -Σ w ln p(target), of hidden states x [N, D], the output weight W
 * [vocab, D], and a target and a weight w of each row, both [N]. With z = x Wᵀ and p = softmax(z),
 *
 *     dx = w (p W - W[target])    dW = pᵀ (w x) - (rows of w x added up by target)
 *
 * Nothing of that waits for a later layer's gradient, so it is computed together with the loss (as in Liger Kernel, Hsu et
 * al. 2024, arXiv 2410.10989), some rows after the others: no more than two of their [rows, vocab] are in memory at once,
 * and none is computed twice. It is no function for where no gradient is asked for: `outputLogProbs` is.
 */
export function outputLoss(x: Tensor2D, weight: Tensor2D, targets: Tensor1D, weights: Tensor1D): Scalar {
  return piece([x, weight], () => {
    const column = reshape(weights, [-1, 1]);
    const weighted = mul(x, column);
    let dWeight: Tensor = tf.neg(segmentSum(weighted, targets, weight.shape[0] as number));
    const passes = inTurn([x, targets, column, weighted], (rows, [targets, column, weighted]) =>
      tf.tidy(() => {
        const { probabilities, logProbs } = softmaxLogProbs(matMul(rows, weight, false, true), targets as Tensor1D);
        const before = dWeight;
        dWeight = add(before, weightGradient(probabilities, weighted as Tensor));
        const dx = mul(sub(matMul(probabilities, weight), gather(weight, targets as Tensor)), column as Tensor);
        return { dx, logProbs, dWeight };
      }),
    );
    const dx = joined(
      passes.map(({ dx }) => dx),
      0,
    );
    const logProbs = joined(
      passes.map(({ logProbs }) => logProbs),
      0,
    );
    return {
      value: tf.neg(sum(mul(logProbs, weights), 0)),
      saved: { dx, dWeight },
      gradient: (dy, { dx, dWeight }) => [mul(dx, dy), mul(dWeight, dy)],
    };
  });
}

/**
 * ln p(target) of each row, [N], straight from the hidden states x [N, D] and the output weight W [vocab, D], some rows after
 * the others. With p the softmax of x Wᵀ,
 *
 *     dx = dy (W[target] - p W)    dW = (rows of dy x added up by target) - pᵀ (dy x)
 *
 * for which p is computed again, so that here too no more than two [rows, vocab] are in memory at once. `outputLoss` needs not,
 * as it knows each row's dy beforehand.
 */
export function outputLogProbs(x: Tensor2D, weight: Tensor2D, targets: Tensor1D): Tensor1D {
  return piece([x, weight], () => {
    const passes = inTurn([x, targets], (rows, [targets]) =>
      tf.tidy(() => ({
        logProbs: softmaxLogProbs(matMul(rows, weight, false, true), targets as Tensor1D).logProbs,
      })),
    );
    return {
      value: joined(
        passes.map(({ logProbs }) => logProbs),
        0,
      ),
      saved: { x, targets },
      gradient: (dy, { x, targets }) => {
        const column = reshape(dy, [-1, 1]);
        const weighted = mul(x, column);
        let dWeight: Tensor = segmentSum(weighted, targets, weight.shape[0] as number);
        const gradients = inTurn([after(x, [dy]), targets, column, weighted], (rows, [targets, column, weighted]) =>
          tf.tidy(() => {
            const probabilities = softmax(matMul(rows, weight, false, true));
            const before = dWeight;
            dWeight = sub(before, weightGradient(probabilities, weighted as Tensor));
            const dx = mul(sub(gather(weight, targets as Tensor), matMul(probabilities, weight)), column as Tensor);
            return { dx, dWeight };
          }),
        );
        const dx = joined(
          gradients.map(({ dx }) => dx),
          0,
        );
        return [dx, dWeight];
      },
    };
  });
}

/** `pass` of the same rows of each tensor, some rows after the others: begun when what it gave of those before is there. */
function inTurn<Result extends NamedTensorMap>(
  [x, ...others]: [Tensor, ...Tensor[]],
  pass: (x: Tensor, others: Tensor[]) => Result,
): Result[] {
  const count = x.shape[0] as number;
  const lengths = Array.from({ length: Math.ceil(count / rowsAtOnce) }, (_, i) =>
    Math.min(rowsAtOnce, count - i * rowsAtOnce),
  );
  const parts = [x, ...others].map((tensor) => split(tensor, lengths, 0));
  const results: Result[] = [];
  for (const i of lengths.keys()) {
    const [rows, ...rest] = parts.map((part) => part[i] as Tensor) as [Tensor, ...Tensor[]];
    results.push(pass(after(rows, Object.values(results.at(-1) ?? {})), rest as Tensor[]));
  }
  return results;
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

/** Tensors by name, or several. */
type SavedTensors = Record<string, Tensor | Tensor[]>;

/** The forward pass of a piece, and its gradient. */
export interface Piece<Saved extends SavedTensors> {
  value: Tensor;
  /**
   * What the gradient needs of the forward pass, whose other tensors are gone by then: it must use these, not those that
   * it closes over. Parameters may be used as they are: they outlive both.
   */
  saved: Saved;
  /** Gradients by the inputs, from the gradient by the value and what was saved. */
  gradient(dy: Tensor, saved: Saved): Tensor[];
}

export interface PieceOptions {
  /**
   * Keep the inputs alone for the backward pass, which goes forward again first: activation recomputation (Chen et al.
   * 2016, arXiv 1604.06174). Same operators on same values: same bytes. Default: false.
   */
  recompute?: boolean;
  /** What `forward` takes after the inputs, and no gradient is asked by. Default: none. */
  constants?: readonly Tensor[];
}

/**
 * `forward`, of the inputs and constants, as a function that tfjs's tape knows. Without a tape only the forward pass runs and
 * nothing is kept. One that is recomputed may use no other tensors but parameters.
 *
 * What is recomputed waits in a graph for the gradient: TensorFlow would make one operation of two equal ones, and keep its
 * result from the one to the other.
 */
export function piece<Saved extends SavedTensors, Result extends Tensor>(
  inputs: readonly Tensor[],
  forward: (...tensors: Tensor[]) => Piece<Saved>,
  { recompute = false, constants = [] }: PieceOptions = {},
): Result {
  const differentiable = tf.customGrad((...args) => {
    const save = args.pop() as unknown as (tensors: Tensor[]) => void;
    const tensors = [...(args as Tensor[]), ...constants];
    const { value, saved, gradient } = forward(...tensors);
    save(recompute ? tensors : Object.values(saved).flat());
    const gradFunc = (dy: Tensor, kept: Tensor[]) => {
      if (!recompute) return gradient(dy, named(saved, kept));
      const again = forward(...kept.map((tensor) => after(tensor, [dy])));
      return again.gradient(dy, again.saved);
    };
    return { value, gradFunc: (dy, kept) => gradFunc(dy as Tensor, kept as Tensor[]) };
  });
  return differentiable(...inputs) as Result;
}

/** Tensors by the names that `saved` has, in its order. */
function named<Saved extends SavedTensors>(saved: Saved, tensors: readonly Tensor[]): Saved {
  let at = 0;
  const next = (kept: Tensor | Tensor[]) => (Array.isArray(kept) ? kept.map(() => tensors[at++]) : tensors[at++]);
  return Object.fromEntries(Object.entries(saved).map(([name, kept]) => [name, next(kept)])) as Saved;
}
