/** Grouped-query attention with rotary embeddings, as one differentiable piece. Conventions as in ops.ts. */
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import { queryBlocks } from '../schemas/llama.ts';
import {
  add,
  concat,
  joined,
  matMul,
  mul,
  reshape,
  reverse,
  select,
  slice,
  softmax,
  split,
  sub,
  sum,
  transpose,
} from './kernels.ts';
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
}

/**
 * A residual block of grouped-query attention (Ainslie et al. 2023, arXiv 2305.13245) with rotary embeddings, of x [N, D]:
 *
 *     n = normalise(x)    [q k v] = n ([Wq / sqrt(headSize), Wk, Wv] g)ᵀ    y = x + attend(rot(q), rot(k), v) Woᵀ
 *
 * Heads lie outermost, [heads, N, headSize], so that q, k and v are stretches of one tensor.
 */
export function attention(
  x: Tensor2D,
  weights: AttentionWeights,
  epsilon: number,
  geometry: AttentionGeometry,
): Tensor2D {
  const { batch, time, heads, kvHeads, headSize, rotary: table } = geometry;
  const count = batch * time;
  const scale = 1 / Math.sqrt(headSize);
  const widths = [heads, kvHeads, kvHeads].map((number) => number * headSize);
  const inBatch = (x: Tensor) => reshape(x, [kvHeads, batch, time, headSize]);

  const { gain, q: wq, k: wk, v: wv, o: wo } = weights;
  return piece([x, gain, wq, wk, wv, wo], () => {
    const { n, r } = normalise(x, epsilon);
    const projection = concat([mul(wq, scale), wk, wv], 0);
    const projected = reshape(matMul(n, mul(projection, gain), false, true), [count, heads + 2 * kvHeads, headSize]);
    const [turning, values] = split(transpose(projected, [1, 0, 2]), [heads + kvHeads, kvHeads], 0) as Pair;
    const [queries, keys] = split(rotate(turning, table), [heads, kvHeads], 0) as Pair;
    const [q, k, v] = [fold(queries, geometry), inBatch(keys), inBatch(values)];
    const { p, o } = attend(q, k, v);
    const merged = reshape(transpose(unfold(o, geometry), [1, 0, 2]), [count, heads * headSize]);
    return {
      value: add(x, matMul(merged, wo, false, true)),
      saved: { n, r, projection, q, k, v, p, merged, cos: table.cos, sin: table.sin },
      gradient: (dy, { n, r, projection, q, k, v, p, merged, cos, sin }) => {
        const dMerged = matMul(dy, wo);
        const perHead = (x: Tensor, width: number) => transpose(reshape(x, [count, heads, width]), [1, 0, 2]);
        const along = sum(reshape(mul(dMerged, merged), [count, heads, headSize]), 2);
        const [dO, shift] = [perHead(dMerged, headSize), perHead(along, 1)].map((x) => fold(x, geometry)) as Pair;
        const { dQ, dK, dV } = attendGradient(dO, shift, p, q, k, v);
        const flat = (x: Tensor) => reshape(x, [kvHeads, count, headSize]);
        const dRotated = rotateGradient(concat([unfold(dQ, geometry), flat(dK)], 0), { cos, sin });
        const dHeads = concat([dRotated, flat(dV)], 0);
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

/**
 * [heads, N, width] as [kvHeads, batch, group, time, width]: the queries of the group of heads that share a key and value
 * head follow each other, so that each product is one of matrices, and gradients add up over the group by themselves.
 */
function fold(x: Tensor, { batch, time, heads, kvHeads }: AttentionGeometry): Tensor {
  const group = heads / kvHeads;
  const width = x.shape.at(-1) as number;
  const folded = [kvHeads, batch, group, time, width];
  if (group === 1) return reshape(x, folded);
  return reshape(transpose(reshape(x, [kvHeads, group, batch, time * width]), [0, 2, 1, 3]), folded);
}

/** What `fold` folded, as it was. */
function unfold(x: Tensor, { batch, time, heads, kvHeads }: AttentionGeometry): Tensor {
  const group = heads / kvHeads;
  const width = x.shape.at(-1) as number;
  const unfolded = [heads, batch * time, width];
  if (group === 1) return reshape(x, unfolded);
  return reshape(transpose(reshape(x, [kvHeads, batch, group, time * width]), [0, 2, 1, 3]), unfolded);
}

/**
 * P = softmax(mask(q kᵀ)) and O = P v, of q [kvHeads, batch, group, time, headSize] and k and v [kvHeads, batch, time,
 * headSize]. Queries come in blocks, and each block looks at the keys up to its end alone: what comes later is neither
 * multiplied nor kept. P is a tensor a block, [kvHeads, batch, group * block, keys].
 */
function attend(q: Tensor, k: Tensor, v: Tensor): { p: Tensor[]; o: Tensor } {
  const [kvHeads, batch, group, time] = q.shape as [number, number, number, number];
  const lengths = queryBlocks(time);
  const ends = endsOf(lengths);
  const p: Tensor[] = [];
  const outputs = split(q, lengths, 3).map((queries, i) => {
    const [length, seen] = [lengths[i] as number, ends[i] as number];
    const scores = matMul(rowsOf(queries), upTo(k, seen), false, true);
    const spread = reshape(scores, [kvHeads, batch, group, length, seen]);
    const probabilities = reshape(softmax(select(causalMask(length, seen), spread, masked)), scores.shape);
    p.push(probabilities);
    return reshape(matMul(probabilities, upTo(v, seen)), queries.shape);
  });
  return { p, o: joined(outputs, 3) };
}

/**
 * With dO the gradient by O, block by block
 *
 *     dV = Pᵀ dO    dS = P * (dO vᵀ - shift)    dQ = dS k    dK = dSᵀ q,    shift = Σ dO * O
 *
 * The sum, over headSize, equals Σ dP * P over the keys (Dao et al. 2022, arXiv 2205.14135, B.4) and is cheaper.
 */
function attendGradient(
  dO: Tensor,
  shift: Tensor,
  p: readonly Tensor[],
  q: Tensor,
  k: Tensor,
  v: Tensor,
): { dQ: Tensor; dK: Tensor; dV: Tensor } {
  const lengths = p.map(({ shape }) => (shape[2] as number) / (q.shape[2] as number));
  const ends = endsOf(lengths);
  const [outputs, shifts, queries] = [dO, shift, q].map((x) => split(x, lengths, 3).map(rowsOf));
  const blocks = p.map((probabilities, i) => {
    const [dOutput, along, query] = [outputs, shifts, queries].map((parts) => parts?.[i]) as [Tensor, Tensor, Tensor];
    const [key, value] = [k, v].map((x) => upTo(x, ends[i] as number)) as Pair;
    const dS = mul(probabilities, sub(matMul(dOutput, value, false, true), along));
    return {
      dQ: reshape(matMul(dS, key), [...q.shape.slice(0, 3), lengths[i] as number, q.shape[4] as number]),
      dK: matMul(dS, query, true),
      dV: matMul(probabilities, dOutput, true),
    };
  });
  return {
    dQ: joined(
      blocks.map(({ dQ }) => dQ),
      3,
    ),
    dK: sumOfStarts(blocks.map(({ dK }) => dK)),
    dV: sumOfStarts(blocks.map(({ dV }) => dV)),
  };
}

/** Queries of one block after the other, and of all heads of a group: [.., group * block, width]. */
function rowsOf(x: Tensor): Tensor {
  const [kvHeads, batch, , , width] = x.shape as [number, number, number, number, number];
  return reshape(x, [kvHeads, batch, -1, width]);
}

/** Where the keys end that each block of queries sees. */
function endsOf(lengths: readonly number[]): number[] {
  let end = 0;
  return lengths.map((length) => {
    end += length;
    return end;
  });
}

/** The first keys or values. */
function upTo(x: Tensor, keys: number): Tensor {
  return keys === x.shape[2] ? x : slice(x, [0, 0, 0, 0], [-1, -1, keys, -1]);
}

/** The sum of gradients by ever more of the keys, [.., keys, headSize], the last by all. */
function sumOfStarts(gradients: readonly Tensor[]): Tensor {
  const ends: Tensor[] = [];
  let start = gradients.at(-1) as Tensor;
  for (const gradient of gradients.slice(0, -1).reverse()) {
    const [before, all] = [gradient.shape[2] as number, start.shape[2] as number];
    const [head, end] = split(start, [before, all - before], 2) as Pair;
    ends.unshift(end);
    start = add(head, gradient);
  }
  return joined([start, ...ends], 2);
}

/** The score of what may not be seen. */
export const masked = -1e9;

/** bool [time, keys]: query t sees keys 0 .. t + keys - time. */
export function causalMask(time: number, keys = time): Tensor2D {
  const place = (count: number, first: number) => tf.range(first, first + count, 1, 'int32');
  return tf.lessEqual(place(keys, 0), tf.expandDims(place(time, keys - time), 1));
}

/** Cosines and signed sines of a rotary embedding: [time, headSize]. */
export interface RotaryTable {
  cos: Tensor;
  sin: Tensor;
}

/**
 * The table of a rotary embedding (Su et al. 2021, arXiv 2104.09864) for the first `time` positions: pair i at position p turns
 * by p theta^(-2i / headSize). In Hugging Face's half-split convention pair i is the components i and i + headSize / 2, so both
 * halves hold the same angles; the first half's sine is negative.
 */
export function rotaryTable(time: number, headSize: number, theta: number): RotaryTable {
  const half = headSize / 2;
  const frequencies = Array.from({ length: half }, (_, i) => theta ** ((-2 * i) / headSize));
  const cos = new Float32Array(time * headSize);
  const sin = new Float32Array(cos.length);
  for (let t = 0; t < time; t++) {
    for (const [i, frequency] of frequencies.entries()) {
      const [angle, at] = [t * frequency, t * headSize + i];
      cos[at] = cos[at + half] = Math.cos(angle);
      sin[at + half] = Math.sin(angle);
      sin[at] = -Math.sin(angle);
    }
  }
  return { cos: tf.tensor2d(cos, [time, headSize]), sin: tf.tensor2d(sin, [time, headSize]) };
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

/** [heads, N, headSize] to [.., time, headSize], as the table has it. */
function inSequences(x: Tensor, table: Tensor): Tensor {
  return reshape(x, [-1, ...table.shape]);
}

function swapHalves(x: Tensor): Tensor {
  return reshape(reverse(reshape(x, [-1, 2, (x.shape.at(-1) as number) / 2]), 1), x.shape);
}
