/** The fused operators of TensorFlow's: for devices other than the processor, and what our own are compared with. */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-node';
import {
  add,
  concat,
  div,
  joined,
  mul,
  reshape,
  reverse,
  rsqrt,
  select,
  sigmoid,
  softmax,
  split,
  sqrt,
  square,
  sub,
  sum,
  transpose,
} from '../kernels.ts';
import { tf } from '../tf.ts';
import type { Heads, Operators } from './operators.ts';

export const composed: Operators = {
  rmsNorm(x, gain, epsilon) {
    const [rows, size] = x.shape as [number, number];
    const r = rsqrt(add(mul(sum(square(x), 1, true), 1 / size), epsilon));
    return { y: mul(mul(x, r), gain), r: reshape(r, [rows]) };
  },
  rmsNormGradient(dy, x, gain, r, residual) {
    const [rows, size] = x.shape as [number, number];
    const scale = reshape(r, [rows, 1]);
    const n = mul(x, scale);
    const dn = mul(dy, gain);
    const dx = mul(scale, sub(dn, mul(n, mul(sum(mul(n, dn), 1, true), 1 / size))));
    return { dx: residual === undefined ? dx : add(dx, residual), dGain: sum(mul(dy, n), 0) };
  },
  swiGlu(au) {
    const [a, u] = halves(au);
    return mul(mul(a, sigmoid(a)), u);
  },
  swiGluGradient(dy, au) {
    const [a, u] = halves(au);
    const sigma = sigmoid(a);
    const silu = mul(a, sigma);
    const da = mul(mul(dy, u), add(sigma, sub(silu, mul(silu, sigma))));
    return reshape(concat([da, mul(dy, silu)], 1), au.shape);
  },
  causalSoftmax(scores, block, begins) {
    const [rows, keys] = scores.shape.slice(-2) as [number, number];
    const batch = begins === undefined ? 1 : (begins.shape[0] as number);
    const spread = reshape(scores, [-1, batch, rows / block, block, keys]);
    const causal = causalMask(block, keys);
    const visible =
      begins === undefined ? causal : tf.logicalAnd(causal, documentMask(begins as Tensor2D, block, keys));
    return reshape(softmax(select(visible, spread, masked)), scores.shape);
  },
  causalSoftmaxGradient: (p, dp) => mul(p, sub(dp, sum(mul(p, dp), p.rank - 1, true))),
  splitHeads(projected, scale, layout) {
    const { batch, time, heads, kvHeads, headSize, blocks } = layout;
    const perHead = transpose(reshape(projected, [batch * time, heads + 2 * kvHeads, headSize]), [1, 0, 2]);
    const [queries, keys, values] = split(perHead, [heads, kvHeads, kvHeads], 0) as [Tensor, Tensor, Tensor];
    const inSequences = (x: Tensor) => reshape(x, [kvHeads, batch, time, headSize]);
    const q = split(fold(mul(rotate(queries, layout), scale), layout), [...blocks], 3);
    return { q, k: inSequences(rotate(keys, layout)), v: inSequences(values) };
  },
  splitHeadsGradient({ q, k, v }, scale, layout) {
    const { batch, time, heads, kvHeads, headSize } = layout;
    const count = batch * time;
    const flat = (x: Tensor) => reshape(x, [kvHeads, count, headSize]);
    const dq = mul(unfold(joined(q, 3), layout), scale);
    const perHead = concat([rotateGradient(dq, layout), rotateGradient(flat(k), layout), flat(v)], 0);
    return reshape(transpose(perHead, [1, 0, 2]), [count, (heads + 2 * kvHeads) * headSize]);
  },
  mergeHeads(o, layout) {
    const { batch, time, heads, headSize } = layout;
    const perHead = unfold(joined([...o], 3), layout);
    return reshape(transpose(perHead, [1, 0, 2]), [batch * time, heads * headSize]);
  },
  mergeHeadsGradient(dMerged, layout) {
    const { batch, time, heads, headSize, blocks } = layout;
    const perHead = transpose(reshape(dMerged, [batch * time, heads, headSize]), [1, 0, 2]);
    return split(fold(perHead, layout), [...blocks], 3);
  },
  adamW({ theta, m, v }, gradient, rates, clip, [beta1, beta2]) {
    const [size, floor, decay] = split(rates, [1, 1, 1], 0) as [Tensor, Tensor, Tensor];
    const g = mul(gradient, clip);
    const first = add(mul(m, beta1), mul(g, 1 - beta1));
    const second = add(mul(v, beta2), mul(square(g), 1 - beta2));
    const direction = div(first, add(sqrt(second), floor));
    return { theta: sub(mul(theta, decay), mul(direction, size)), m: first, v: second };
  },
};

/** The score of what may not be seen. */
export const masked = -1e9;

/** bool [time, keys]: query t sees keys 0 .. t + keys - time. */
function causalMask(time: number, keys = time): Tensor2D {
  const place = (count: number, first: number) => tf.range(first, first + count, 1, 'int32');
  return tf.lessEqual(place(keys, 0), tf.expandDims(place(time, keys - time), 1));
}

/** bool [batch, 1, block, keys]: query t, the last of which is at the last key, sees keys from where its document begins on. */
function documentMask(begins: Tensor2D, block: number, keys: number): Tensor {
  const first = tf.slice(begins, [0, keys - block], [-1, block]);
  return tf.greaterEqual(tf.range(0, keys, 1, 'int32'), tf.reshape(first, [-1, 1, block, 1]));
}

/** [N, 2, width] as two of [N, width]. */
function halves(x: Tensor): [Tensor, Tensor] {
  const [rows, , width] = x.shape as [number, number, number];
  const [first, second] = split(x, [1, 1], 1) as [Tensor, Tensor];
  return [reshape(first, [rows, width]), reshape(second, [rows, width])];
}

/**
 * [heads, N, headSize] as [kvHeads, batch, group, time, headSize]: the queries of the group of heads that share a key and
 * value head follow each other, so that each product is one of matrices, and gradients add up over the group by themselves.
 */
function fold(x: Tensor, { batch, time, heads, kvHeads, headSize }: Heads): Tensor {
  const group = heads / kvHeads;
  const apart = reshape(x, [kvHeads, group, batch, time * headSize]);
  return reshape(transpose(apart, [0, 2, 1, 3]), [kvHeads, batch, group, time, headSize]);
}

/** What `fold` folded, as it was. */
function unfold(x: Tensor, { batch, time, heads, kvHeads, headSize }: Heads): Tensor {
  const group = heads / kvHeads;
  const apart = reshape(x, [kvHeads, batch, group, time * headSize]);
  return reshape(transpose(apart, [0, 2, 1, 3]), [heads, batch * time, headSize]);
}

/** y = cos * x + sin * swap(x), where swap exchanges the halves of each head: x [heads, N, headSize]. */
function rotate(x: Tensor, { batch, time, headSize, rotary: { cos, sin } }: Heads): Tensor {
  const sequences = reshape(x, [-1, batch, time, headSize]);
  return reshape(add(mul(sequences, cos), mul(swapHalves(sequences), sin)), x.shape);
}

/** dx = cos * dy + swap(sin * dy). */
function rotateGradient(dy: Tensor, { batch, time, headSize, rotary: { cos, sin } }: Heads): Tensor {
  const sequences = reshape(dy, [-1, batch, time, headSize]);
  return reshape(add(mul(sequences, cos), swapHalves(mul(sequences, sin))), dy.shape);
}

/** The halves of each head, exchanged. */
export function swapHalves(x: Tensor): Tensor {
  return reshape(reverse(reshape(x, [-1, 2, (x.shape.at(-1) as number) / 2]), 1), x.shape);
}
