/** Grouped-query attention with rotary embeddings, as one differentiable piece. Conventions as in ops.ts. */
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import { add, concat, matMul, mul, reshape, reverse, select, softmax, split, sub, sum, transpose } from './kernels.ts';
import { normalise, normaliseGradient, piece } from './ops.ts';
import { tf } from './tf.ts';

/** The weights of an attention block. */
export interface AttentionWeights {
  /** Of its norm: [D]. */
  gain: Tensor1D;
  /** [heads * headSize, D] */
  q: Tensor2D;
  /** [kvHeads * headSize, D] */
  k: Tensor2D;
  /** [kvHeads * headSize, D] */
  v: Tensor2D;
  /** [D, heads * headSize] */
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
 *     n = normalise(x)    [q k v] = n ([Wq / sqrt(headSize), Wk, Wv] g)ᵀ
 *     P = softmax(mask(rot(q) rot(k)ᵀ))    y = x + (P v) Woᵀ
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
    const [turning, values] = split(transpose(projected, [1, 0, 2]), [heads + kvHeads, kvHeads], 0) as Pair;
    const [queries, keys] = split(rotate(turning, table), [heads, kvHeads], 0) as Pair;
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

type Pair = [Tensor, Tensor];

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
