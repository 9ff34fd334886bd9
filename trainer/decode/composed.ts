/** The operators of decoding, of TensorFlow's: for devices other than the processor, and what our own are compared with. */
import type { Tensor } from '@tensorflow/tfjs-node';
import { masked, swapHalves } from '../fused/composed.ts';
import {
  add,
  batchProduct,
  exp,
  gather,
  log,
  matMul,
  max,
  mul,
  reshape,
  rsqrt,
  sigmoid,
  softmax,
  split,
  square,
  sub,
  sum,
  transpose,
  updateInPlace,
} from '../kernels.ts';
import { backend, run, type } from '../native.ts';
import { tf } from '../tf.ts';
import type { DecodingOperators } from './operators.ts';

export const composed: DecodingOperators = {
  columnsOf: (table, rows) => transpose(gather(table, rows), [1, 0]),
  product(weight, x, epsilon, residual) {
    const y = matMul(weight, normalised(x, epsilon));
    return residual === undefined ? y : add(residual, y);
  },
  gatedProduct(weight, x, epsilon) {
    const ffn = (weight.shape[0] as number) / 2;
    const [gate, up] = split(matMul(weight, normalised(x, epsilon)), [ffn, ffn], 0) as [Tensor, Tensor];
    return mul(mul(gate, sigmoid(gate)), up);
  },
  attend(projected, cache, places, { cos, sin }) {
    const [kvHeads, slots, capacity, headSize] = cache.keys.shape as [number, number, number, number];
    const heads = (projected.shape[0] as number) / headSize - 2 * kvHeads;
    const group = heads / kvHeads;
    const perHead = transpose(reshape(projected, [heads + 2 * kvHeads, headSize, slots]), [0, 2, 1]);
    const [turning, v] = split(perHead, [heads + kvHeads, kvHeads], 0) as Pair;
    const turned = add(mul(turning, gather(cos, places)), mul(swapHalves(turning), gather(sin, places)));
    const [q, k] = split(turned, [heads, kvHeads], 0) as Pair;

    const starts = tf.range(0, kvHeads * slots * capacity, capacity, 'int32').reshape([kvHeads, slots]);
    const indices = tf.add(starts, places).reshape([-1]);
    const held = (cached: Tensor, latest: Tensor) => {
      const rows = reshape(cached, [kvHeads * slots * capacity, headSize]);
      return reshape(updateInPlace(rows, indices, reshape(latest, [kvHeads * slots, headSize])), cached.shape);
    };
    const queries = transpose(reshape(q, [kvHeads, group, slots, headSize]), [0, 2, 1, 3]);
    const scores = batchProduct(queries, held(cache.keys, k), false, true);
    const later = tf.less(places.reshape([slots, 1]), tf.range(0, capacity, 1, 'int32').reshape([1, capacity]));
    const p = softmax(add(scores, tf.where(later, masked, 0).reshape([slots, 1, capacity])));
    const attended = batchProduct(p, held(cache.values, v));
    return reshape(transpose(attended, [0, 2, 3, 1]), [heads * headSize, slots]);
  },
  // What is masked is multiplied, with zero: it must be a number.
  room: (shape) => tf.zeros([...shape]),
  fill(cache, slots, latest) {
    const [kvHeads, count, , headSize] = cache.shape as [number, number, number, number];
    const [, given, time] = latest.shape as [number, number, number];
    const more: [number, number][] = [
      [0, 0],
      [0, 0],
      [0, (cache.shape[2] as number) - time],
      [0, 0],
    ];
    const starts = tf.range(0, kvHeads * count, count, 'int32').reshape([kvHeads, 1]);
    const indices = tf.add(starts, slots).reshape([-1]);
    const flat = (x: Tensor, sequences: number) => reshape(x, [kvHeads * sequences, -1, headSize]);
    updateInPlace(flat(cache, count), indices, flat(tf.pad(latest, more), given));
  },
  likeliest(scores) {
    const above = sub(scores, max(scores, 0));
    const tokens = run('ArgMax', [type('output_type', backend.binding.TF_INT32)], scores, tf.scalar(0, 'int32'));
    return { tokens, logProbs: tf.neg(log(sum(exp(above), 0))) };
  },
};

type Pair = [Tensor, Tensor];

/** x / sqrt(mean(x²) + epsilon), of columns. */
function normalised(x: Tensor, epsilon: number): Tensor {
  if (epsilon === 0) return x;
  return mul(x, rsqrt(add(mul(sum(square(x), 0, true), 1 / (x.shape[0] as number)), epsilon)));
}
