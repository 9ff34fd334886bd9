/**
 * The model's differentiable pieces, each with its gradient written out.
 *
 * tfjs differentiates operator by operator, and keeps and re-reads every intermediate. Written as one piece, a block of
 * the model keeps only what its gradient needs and touches memory a good deal less. Conventions: N is a count of rows
 * (batch times time), activations are [N, width], weights [out, in]; dy is the gradient of the loss by the piece's
 * output. Tensors of the forward pass are gone by the time of the gradient, so what it needs is handed to `save`.
 */
import type { NamedTensorMap, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import {
  add,
  add3,
  concat,
  gather,
  log,
  matMul,
  max,
  mul,
  reshape,
  reverse,
  rsqrt,
  segmentSum,
  select,
  sigmoid,
  sigmoidGrad,
  softmax,
  split,
  square,
  sub,
  sum,
  transpose,
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
function normalise(x: Tensor, epsilon: number): { n: Tensor; r: Tensor } {
  const width = x.shape[1] as number;
  const r = rsqrt(add(mul(sum(square(x), 1, true), 1 / width), epsilon));
  return { n: mul(x, r), r };
}

/** dx = r (dn - n mean(n * dn)), plus the gradient that came past the norm on the residual stream. */
function normaliseGradient(dn: Tensor, n: Tensor, r: Tensor, residual?: Tensor): Tensor {
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

/** The weights of an attention block: the gain of its norm, [D], then [heads * headSize, D], twice [kvHeads * headSize, D], [D, heads * headSize]. */
export interface AttentionWeights {
  gain: Tensor1D;
  q: Tensor2D;
  k: Tensor2D;
  v: Tensor2D;
  o: Tensor2D;
}

/** What the attention blocks of a forward pass share. */
export interface AttentionGeometry {
  batch: number;
  time: number;
  heads: number;
  kvHeads: number;
  headSize: number;
  rotary: RotaryTable;
  /** bool, spreads to [batch, time, keys]: true where a query may look. */
  mask: Tensor;
}

/** Keys and values of a layer, [kvHeads, batch, keys, headSize]. */
export interface KeysAndValues {
  k: Tensor;
  v: Tensor;
}

/**
 * A residual block of grouped-query attention (Ainslie et al. 2023, arXiv 2305.13245) with rotary embeddings, of x [N, D]:
 *
 *     n = normalise(x)    [q k v] = n (g [Wq / sqrt(headSize), Wk, Wv])ᵀ    P = softmax(mask(rot(q) rot(k)ᵀ))    y = x + (P v) Woᵀ
 *
 * Heads lie outermost, [heads, N, headSize], so that q, k and v are stretches of one tensor, and spread over the group of
 * query heads that shares a key and value head: [kvHeads, group, batch, time, headSize] against [kvHeads, 1, ...].
 * `extend` may put the keys and values of earlier tokens before these (a cache); there is no gradient through it.
 *
 * dv = Pᵀ do, dS = P * (do vᵀ - Σ do * o), dq = dS k, dk = dSᵀ q. The sum, over headSize, equals Σ dP * P over the keys
 * (Dao et al. 2022, arXiv 2205.14135, B.4) and is cheaper.
 */
export function attention(
  x: Tensor2D,
  weights: AttentionWeights,
  epsilon: number,
  geometry: AttentionGeometry,
  extend?: (latest: KeysAndValues) => KeysAndValues,
): Tensor2D {
  const { batch, time, heads, kvHeads, headSize, rotary: table, mask } = geometry;
  const count = batch * time;
  const group = heads / kvHeads;
  const scale = 1 / Math.sqrt(headSize);
  const widths = [heads, kvHeads, kvHeads].map((number) => number * headSize);
  const spread = (x: Tensor) => reshape(x, [kvHeads, 1, batch, -1, headSize]);
  const grouped = (x: Tensor) => reshape(x, [kvHeads, group, batch, time, headSize]);

  const { gain, q: wq, k: wk, v: wv, o: wo } = weights;
  return piece([x, gain, wq, wk, wv, wo], () => {
    const { n, r } = normalise(x, epsilon);
    const projection = concat([mul(wq, scale), wk, wv], 0);
    const projected = reshape(matMul(n, mul(projection, gain), false, true), [count, heads + 2 * kvHeads, headSize]);
    const [queriesAndKeys, values] = split(transpose(projected, [1, 0, 2]), [heads + kvHeads, kvHeads], 0) as [
      Tensor,
      Tensor,
    ];
    const [queries, keys] = split(rotate(queriesAndKeys, table), [heads, kvHeads], 0) as [Tensor, Tensor];
    const q = grouped(queries);
    const all = extend === undefined ? { k: keys, v: values } : extend({ k: keys, v: values });
    const [k, v] = [spread(all.k), spread(all.v)];
    const p = softmax(select(mask, matMul(q, k, false, true), masked));
    const o = matMul(p, v);
    const merged = reshape(transpose(reshape(o, [heads, count, headSize]), [1, 0, 2]), [count, heads * headSize]);
    return {
      value: add(x, matMul(merged, wo, false, true)),
      saved: { n, r, projection, q, k, v, p, o, merged, cos: table.cos, sin: table.sin },
      gradient: (dy, { n, r, projection, q, k, v, p, o, merged, cos, sin }) => {
        const dMerged = reshape(matMul(dy, wo), [count, heads, headSize]);
        const dO = grouped(transpose(dMerged, [1, 0, 2]));
        const dS = mul(p, sub(matMul(dO, v, false, true), sum(mul(dO, o), 4, true)));
        const dV = sum(matMul(p, dO, true), 1);
        const dQ = reshape(matMul(dS, k), [heads, count, headSize]);
        const dK = reshape(sum(matMul(dS, q, true), 1), [kvHeads, count, headSize]);
        const dRotated = rotateGradient(concat([dQ, dK], 0), { cos, sin });
        const dHeads = concat([dRotated, reshape(dV, [kvHeads, count, headSize])], 0);
        const dProjected = reshape(transpose(dHeads, [1, 0, 2]), [count, (heads + 2 * kvHeads) * headSize]);
        const dn = matMul(dProjected, mul(projection, gain));
        const dWeights = matMul(dProjected, n, true);
        const dGain = sum(mul(dWeights, projection), 0);
        const [dWq, dWk, dWv] = split(mul(dWeights, gain), widths, 0) as [Tensor, Tensor, Tensor];
        return [normaliseGradient(dn, n, r, dy), dGain, mul(dWq, scale), dWk, dWv, matMul(dy, merged, true)];
      },
    };
  });
}

/** The score of what may not be seen: finite, so that a row that sees nothing (padding) stays free of NaN. */
const masked = -1e9;

/** bool [time, keys]: query t sees keys 0 .. t + keys - time. */
export function causalMask(time: number, keys = time): Tensor2D {
  const mask = new Uint8Array(time * keys);
  for (let t = 0; t < time; t++) mask.fill(1, t * keys, t * keys + t + keys - time + 1);
  return tf.tensor2d(mask, [time, keys], 'bool');
}

/** Cosines and signed sines of a rotary embedding: [time, headSize], or [batch, time, headSize] where rows differ. */
export interface RotaryTable {
  cos: Tensor;
  sin: Tensor;
}

/**
 * The table of a rotary embedding (Su et al. 2021, arXiv 2104.09864) for tokens at `positions`: one row for all sequences
 * or a row for each. Pair i at position p turns by p theta^(-2i / headSize). In Hugging Face's half-split convention pair
 * i is the components i and i + headSize / 2, so both halves hold the same angles; the first half's sine is negative.
 */
export function rotaryTable(positions: readonly ArrayLike<number>[], headSize: number, theta: number): RotaryTable {
  const time = positions[0]?.length ?? 0;
  const half = headSize / 2;
  const frequencies = Array.from({ length: half }, (_, i) => theta ** ((-2 * i) / headSize));
  const cos = new Float32Array(positions.length * time * headSize);
  const sin = new Float32Array(cos.length);
  let at = 0;
  for (const row of positions) {
    for (let t = 0; t < time; t++, at += headSize) {
      for (const [i, frequency] of frequencies.entries()) {
        const angle = (row[t] as number) * frequency;
        cos[at + i] = cos[at + i + half] = Math.cos(angle);
        sin[at + i + half] = Math.sin(angle);
        sin[at + i] = -Math.sin(angle);
      }
    }
  }
  const shape = positions.length === 1 ? [time, headSize] : [positions.length, time, headSize];
  return { cos: tf.tensor(cos, shape), sin: tf.tensor(sin, shape) };
}

/** y = cos * x + sin * swap(x), where swap exchanges the halves of each head: x [heads, N, headSize]. */
function rotate(x: Tensor, { cos, sin }: RotaryTable): Tensor {
  const sequences = inSequences(x, cos);
  return reshape(add(mul(sequences, cos), mul(swapHalves(sequences), sin)), x.shape);
}

/** dx = cos * dy + swap(sin * dy). */
function rotateGradient(dy: Tensor, { cos, sin }: RotaryTable): Tensor {
  const sequences = inSequences(dy, cos);
  return reshape(add(mul(sequences, cos), swapHalves(mul(sequences, sin))), dy.shape);
}

/** [heads, N, headSize] to [.., time, headSize] or [.., batch, time, headSize], as the table has it. */
function inSequences(x: Tensor, table: Tensor): Tensor {
  return reshape(x, [-1, ...table.shape]);
}

function swapHalves(x: Tensor): Tensor {
  return reshape(reverse(reshape(x, [-1, 2, (x.shape.at(-1) as number) / 2]), 1), x.shape);
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

interface Piece<Saved extends NamedTensorMap> {
  value: Tensor;
  /** What the gradient needs of the forward pass. Parameters may be used as they are: they outlive it. */
  saved: Saved;
  /** Gradients by the inputs, from the gradient by the value and what was saved. */
  gradient(dy: Tensor, saved: Saved): Tensor[];
}

/** `forward` as a function that tfjs's tape knows. Without a tape only the forward pass runs and nothing is kept. */
function piece<Saved extends NamedTensorMap, Result extends Tensor>(
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
