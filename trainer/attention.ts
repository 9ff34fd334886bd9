/** Grouped-query attention with rotary embeddings, as one differentiable piece. Conventions as in ops.ts. */
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import { queryBlocks } from '../schemas/llama.ts';
import type { Architecture } from '../schemas/types/job.ts';
import {
  causalSoftmax,
  causalSoftmaxGradient,
  mergeHeads,
  mergeHeadsGradient,
  rmsNorm,
  rmsNormGradient,
  splitHeads,
  splitHeadsGradient,
} from './fused/device.ts';
import type { Heads, RotaryTable, Split } from './fused/operators.ts';
import { add, concat, gather, joined, matMul, reshape, slice, split } from './kernels.ts';
import { piece, weightGradient } from './ops.ts';
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

/**
 * A residual block of grouped-query attention (Ainslie et al. 2023, arXiv 2305.13245) with rotary embeddings, of x [N, D]:
 *
 *     n = rmsNorm(x)    [q k v] = n [Wq, Wk, Wv]ᵀ    p = softmax(rot(q) rot(k)ᵀ / sqrt(headSize))    y = x + (p v) Woᵀ
 *     dv = pᵀ do    ds = softmax'(p, do vᵀ)    dq = ds k    dk = dsᵀ q
 *
 * Queries come in blocks, and each block looks at the keys up to its end alone: what comes later is neither multiplied nor
 * kept. Products are of [kvHeads, batch, group * block, headSize] and [kvHeads, batch, keys, headSize].
 */
export function attention(
  x: Tensor2D,
  weights: AttentionWeights,
  epsilon: number,
  layout: Heads,
  recompute = false,
): Tensor2D {
  const { kvHeads, headSize, blocks, rotary } = layout;
  const scale = 1 / Math.sqrt(headSize);
  const widths = [layout.heads, kvHeads, kvHeads].map((count) => count * headSize);

  const inputs = [x, weights.gain, weights.q, weights.k, weights.v, weights.o];
  const documents = layout.begins === undefined ? [] : [layout.begins];
  return piece(
    inputs,
    (...tensors: Tensor[]) => {
      const [x, gain, wq, wk, wv, wo, cos, sin, ...begins] = tensors as InputsAndTable;
      const heads = { ...layout, rotary: { cos, sin }, begins: begins[0] };
      const { y: n, r } = rmsNorm(x, gain, epsilon);
      const projection = concat([wq, wk, wv], 0);
      const { q, k, v } = splitHeads(matMul(n, projection, false, true), scale, heads);
      const { p, merged } = attended({ q, k, v }, heads);
      return {
        value: add(x, matMul(merged, wo, false, true)),
        saved: { x, n, r, projection, q, k, v, p, merged, cos, sin, begins },
        gradient: (dy, { x, n, r, projection, q, k, v, p, merged, cos, sin, begins }) => {
          const kept = { ...heads, rotary: { cos, sin }, begins: begins[0] };
          const parts = mergeHeadsGradient(matMul(dy, wo), kept).map((part, i) => {
            const [queries, probabilities, dO] = [rowsOf(q[i] as Tensor), p[i] as Tensor, rowsOf(part)];
            const dP = matMul(dO, upTo(v, i, blocks), false, true);
            const dS = causalSoftmaxGradient(probabilities, dP, blocks[i] as number, kept.begins);
            return {
              q: reshape(matMul(dS, upTo(k, i, blocks)), part.shape),
              k: matMul(dS, queries, true),
              v: matMul(probabilities, dO, true),
            };
          });
          const gradients = {
            q: parts.map(({ q }) => q),
            k: sumOfStarts(parts.map(({ k }) => k)),
            v: sumOfStarts(parts.map(({ v }) => v)),
          };
          const dProjected = splitHeadsGradient(gradients, scale, kept);
          const { dx, dGain } = rmsNormGradient(matMul(dProjected, projection), x, gain, r, dy);
          const [dWq, dWk, dWv] = split(weightGradient(dProjected, n), widths, 0) as [Tensor, Tensor, Tensor];
          return [dx, dGain, dWq, dWk, dWv, weightGradient(dy, merged)];
        },
      };
    },
    { recompute, constants: [rotary.cos, rotary.sin, ...documents] },
  );
}

type InputsAndTable = [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, ...begins: Tensor[]];

/** What attention gives of whole sequences, as rows of tokens, [N, heads * headSize], and the probabilities by block. */
export function attended({ q, k, v }: Split, heads: Heads): { p: Tensor[]; merged: Tensor } {
  const { blocks, begins } = heads;
  const p = q.map((q, i) =>
    causalSoftmax(matMul(rowsOf(q), upTo(k, i, blocks), false, true), blocks[i] as number, begins),
  );
  const o = p.map((p, i) => reshape(matMul(p, upTo(v, i, blocks)), (q[i] as Tensor).shape));
  return { p, merged: mergeHeads(o, heads) };
}

/** Keys, or values, up to the end of a block of queries. */
function upTo(x: Tensor, index: number, blocks: readonly number[]): Tensor {
  if (index === blocks.length - 1) return x;
  const seen = blocks.slice(0, index + 1).reduce((sum, length) => sum + length, 0);
  return slice(x, [0, 0, 0, 0], [-1, -1, seen, -1]);
}

/**
 * How a model's heads lie in a batch of whole sequences. With `begins`, int32 [batch, time], where the document of each token
 * begins in its sequence, attention stays within documents, and places are counted from there.
 */
export function headsOf(
  { hidden, heads, kvHeads, ropeTheta }: Pick<Architecture, 'hidden' | 'heads' | 'kvHeads' | 'ropeTheta'>,
  batch: number,
  time: number,
  begins?: Tensor2D,
): Heads {
  const headSize = hidden / heads;
  const layout = { batch, time, heads, kvHeads, headSize, blocks: queryBlocks(time) };
  const table = rotaryTable(time, headSize, ropeTheta);
  if (begins === undefined) return { ...layout, rotary: table };
  const places = tf.sub(tf.range(0, time, 1, 'int32'), begins);
  return { ...layout, rotary: { cos: gather(table.cos, places), sin: gather(table.sin, places) }, begins };
}

/** Queries of one block after the other, and of all heads of a group: [.., group * block, headSize]. */
function rowsOf(x: Tensor): Tensor {
  const [kvHeads, batch, , , headSize] = x.shape as [number, number, number, number, number];
  return reshape(x, [kvHeads, batch, -1, headSize]);
}

/** The sum of gradients by ever more of the keys, [.., keys, headSize], the last by all. */
function sumOfStarts(gradients: readonly Tensor[]): Tensor {
  const ends: Tensor[] = [];
  let start = gradients.at(-1) as Tensor;
  for (const gradient of gradients.slice(0, -1).reverse()) {
    const [before, all] = [gradient.shape[2] as number, start.shape[2] as number];
    const [head, end] = split(start, [before, all - before], 2) as [Tensor, Tensor];
    ends.unshift(end);
    start = add(head, gradient);
  }
  return joined([start, ...ends], 2);
}

/**
 * The table of a rotary embedding (Su et al. 2021, arXiv 2104.09864) for the first `time` places. Pair i at place p turns
 * by p theta^(-2i / headSize). In Hugging Face's half-split convention pair i is the components i and i + headSize / 2, so
 * both halves hold the same angles; the first half's sine is negative.
 */
export function rotaryTable(time: number, headSize: number, theta: number): RotaryTable {
  const half = headSize / 2;
  const frequencies = Array.from({ length: half }, (_, i) => theta ** ((-2 * i) / headSize));
  const cos = new Float32Array(time * headSize);
  const sin = new Float32Array(cos.length);
  for (let place = 0, at = 0; place < time; place++, at += headSize) {
    for (const [i, frequency] of frequencies.entries()) {
      const angle = place * frequency;
      cos[at + i] = cos[at + i + half] = Math.cos(angle);
      sin[at + i + half] = Math.sin(angle);
      sin[at + i] = -Math.sin(angle);
    }
  }
  return { cos: tf.tensor2d(cos, [time, headSize]), sin: tf.tensor2d(sin, [time, headSize]) };
}
