/**
 * The two passes of decoding, as captured functions: prompts are read whole, and then each slot's latest token.
 *
 * Activations have a column a token, [width, N]: weights, [out, in], then stand first in each product, and TensorFlow
 * multiplies them as they lie. For the other way round it would copy them, and for few tokens that is most of the work.
 * Attention alone goes by rows, [N, width].
 */
import type { NamedTensorMap, Tensor, Tensor1D } from '@tensorflow/tfjs-node';
import type { Architecture } from '../../schemas/types/job.ts';
import { causalMask, masked } from '../fused/composed.ts';
import { capture } from '../graph/capture.ts';
import {
  add,
  batchProduct,
  div,
  exp,
  gather,
  matMul,
  max,
  mul,
  reshape,
  reverse,
  rsqrt,
  select,
  sigmoid,
  softmax,
  split,
  square,
  sub,
  sum,
  transpose,
  updateInPlace,
} from '../kernels.ts';
import { tf } from '../tf.ts';
import type { Cache, KeysAndValues } from './cache.ts';
import { type Chosen, type Draws, drawn, likeliest } from './draw.ts';
import type { DecodingWeights } from './weights.ts';

/** Prompts, padded on the right to one length. */
export interface Prompts {
  /** int32 [prompts, time] */
  tokens: Tensor;
  /** int32 [prompts] */
  lengths: Tensor;
}

/** The latest token of each slot, and its place in its sequence: int32 [slots] each. */
export interface Latest {
  tokens: Tensor;
  positions: Tensor;
}

/** Both passes choose the tokens that come next: drawn, or the likeliest where there are no draws. */
export interface Passes {
  /** Reads prompts; gives their first tokens, and what a cache is to hold of them. */
  read(prompts: Prompts, draws?: Draws): Chosen & { layers: KeysAndValues[] };
  /** Reads a token a slot, which the cache then holds too. */
  step(latest: Latest, cache: Cache, draws?: Draws): Chosen;
  /** Frees the graphs. */
  dispose(): void;
}

/** The passes of a model. */
export function createPasses(architecture: Architecture, weights: DecodingWeights): Passes {
  const { hidden, heads, kvHeads, layers } = architecture;
  const headSize = hidden / heads;
  const group = heads / kvHeads;

  const read = capture((inputs: NamedTensorMap): NamedTensorMap => {
    const { tokens, lengths } = inputs as { tokens: Tensor; lengths: Tensor1D };
    const [count, time] = tokens.shape as [number, number];
    const positions = tf.tile(tf.range(0, time, 1, 'int32'), [count]);
    const visible = causalMask(time);
    const read: KeysAndValues[] = [];
    const x = forward(architecture, weights, reshape(tokens, [-1]), positions, ({ q, k, v }) => {
      const [keys, values] = [k, v].map((x) =>
        transpose(reshape(x, [count, time, kvHeads, headSize]), [0, 2, 1, 3]),
      ) as [Tensor, Tensor];
      read.push({ keys, values });
      const folded = [count, kvHeads, group * time, headSize];
      const queries = transpose(reshape(q, [count, time, kvHeads, group, headSize]), [0, 2, 3, 1, 4]);
      const scores = batchProduct(reshape(queries, folded), keys, false, true);
      const p = softmax(select(visible, reshape(scores, [count, heads, time, time]), masked));
      const o = batchProduct(reshape(p, scores.shape), values);
      return transpose(reshape(o, [count, kvHeads, group, time, headSize]), [0, 3, 1, 2, 4]);
    });
    const last = tf.add(tf.range(0, count * time, time, 'int32'), tf.sub(lengths, tf.scalar(1, 'int32')));
    return { ...choose(architecture, weights, gather(x, last, 1), inputs), ...named(read) };
  });

  const step = capture((inputs: NamedTensorMap): NamedTensorMap => {
    const { tokens, positions } = inputs as { tokens: Tensor1D; positions: Tensor1D };
    const [slots, , capacity] = (inputs.keys0 as Tensor).shape as [number, number, number];
    const column = positions.reshape([slots, 1]);
    const hides = tf.less(column, tf.range(0, capacity, 1, 'int32').reshape([1, capacity]));
    const bias = tf.where(hides, masked, 0).reshape([slots, 1, capacity]);
    const starts = tf.range(0, slots * kvHeads * capacity, capacity, 'int32').reshape([slots, kvHeads]);
    const places = tf.add(starts, column).reshape([-1]);
    const held = (cache: Tensor, latest: Tensor) => {
      const rows = reshape(cache, [slots * kvHeads * capacity, headSize]);
      const updated = updateInPlace(rows, places, reshape(latest, [slots * kvHeads, headSize]));
      return reshape(updated, [slots * kvHeads, capacity, headSize]);
    };
    const x = forward(architecture, weights, tokens, positions, ({ q, k, v }, layer) => {
      const keys = held(inputs[`keys${layer}`] as Tensor, k);
      const scores = batchProduct(reshape(q, [slots * kvHeads, group, headSize]), keys, false, true);
      const seen = add(reshape(scores, [slots, heads, capacity]), bias);
      // oneDNN's softmax takes longer to begin than these four to end.
      const powers = exp(sub(seen, max(seen, 2, true)));
      const total = reshape(sum(powers, 2), [slots * kvHeads, group, 1]);
      return div(batchProduct(reshape(powers, scores.shape), held(inputs[`values${layer}`] as Tensor, v)), total);
    });
    return choose(architecture, weights, x, inputs);
  });

  const draw = (draws: Draws | undefined): NamedTensorMap => ({ ...draws });
  return {
    read(prompts, draws) {
      const results = read({ ...prompts, ...draw(draws) });
      const layer = (index: number) =>
        ({ keys: results[`keys${index}`], values: results[`values${index}`] }) as KeysAndValues;
      return { ...(results as Chosen), layers: Array.from({ length: layers }, (_, index) => layer(index)) };
    },
    step: (latest, cache, draws) => step({ ...latest, ...named(cache.layers), ...draw(draws) }) as Chosen,
    dispose() {
      read.dispose();
      step.dispose();
    },
  };
}

function named(layers: readonly KeysAndValues[]): NamedTensorMap {
  return Object.fromEntries(
    layers.flatMap(({ keys, values }, index) => [
      [`keys${index}`, keys],
      [`values${index}`, values],
    ]),
  );
}

/** What attention is given of N tokens: [N, heads, headSize] of queries, and of keys and values [N, kvHeads, headSize]. */
interface Projected {
  q: Tensor;
  k: Tensor;
  v: Tensor;
}

/** Hidden states before the last norm, [hidden, N], of tokens at positions, int32 [N]. `attend` gives N rows. */
function forward(
  { hidden, heads, kvHeads, normEpsilon }: Architecture,
  weights: DecodingWeights,
  tokens: Tensor,
  positions: Tensor,
  attend: (projected: Projected, layer: number) => Tensor,
): Tensor {
  const headSize = hidden / heads;
  const [cos, sin] = [weights.cos, weights.sin].map((table) =>
    reshape(gather(table, positions), [-1, 1, headSize]),
  ) as [Tensor, Tensor];
  let x = transposed(gather(weights.embeddings, tokens));
  for (const [layer, { qkv, o, gateUp, down }] of weights.layers.entries()) {
    const projected = reshape(productInRows(qkv, normalised(x, normEpsilon)), [-1, heads + 2 * kvHeads, headSize]);
    const [turning, v] = split(projected, [heads + kvHeads, kvHeads], 1) as [Tensor, Tensor];
    const rotated = add(mul(turning, cos), mul(swapHalves(turning), sin));
    const [q, k] = split(rotated, [heads, kvHeads], 1) as [Tensor, Tensor];
    x = add(x, matMul(o, reshape(attend({ q, k, v }, layer), [-1, hidden]), false, true));
    const ffn = (gateUp.shape[0] as number) / 2;
    const [gate, up] = split(matMul(gateUp, normalised(x, normEpsilon)), [ffn, ffn], 0) as [Tensor, Tensor];
    x = add(x, matMul(down, mul(mul(gate, sigmoid(gate)), up)));
  }
  return x;
}

/** The token after hidden states [hidden, N]. */
function choose(
  { normEpsilon }: Architecture,
  weights: DecodingWeights,
  x: Tensor,
  { uniforms, sharpness }: NamedTensorMap,
): Chosen {
  const scores = matMul(weights.output, normalised(x, normEpsilon));
  return uniforms === undefined ? likeliest(scores) : drawn(scores, { uniforms, sharpness: sharpness as Tensor });
}

/** x / sqrt(mean(x²) + epsilon), of columns. */
function normalised(x: Tensor, epsilon: number): Tensor {
  return mul(x, rsqrt(add(mul(sum(square(x), 0, true), 1 / (x.shape[0] as number)), epsilon)));
}

function swapHalves(x: Tensor): Tensor {
  return reshape(reverse(reshape(x, [-1, 2, (x.shape[2] as number) / 2]), 1), x.shape);
}

/**
 * The product of a weight [out, in] and columns [in, N], as rows [N, out]. Few columns are multiplied as they lie, and the
 * result is transposed.
 */
function productInRows(weight: Tensor, x: Tensor): Tensor {
  const count = x.shape[1] as number;
  return count > few ? matMul(x, weight, true, true) : matMul(tf.eye(count), matMul(weight, x), false, true);
}

/** The transpose of [N, width]. */
function transposed(x: Tensor): Tensor {
  const count = x.shape[0] as number;
  return count > few ? transpose(x, [1, 0]) : matMul(x, tf.eye(count), true);
}

/**
 * Up to so many rows are transposed by a product with the identity: exact, being sums of one number and zeros, and several
 * times as fast as TensorFlow's transposition. (Where a number is not finite its neighbours become so too; a model that
 * gives such numbers has diverged.)
 */
const few = 64;
