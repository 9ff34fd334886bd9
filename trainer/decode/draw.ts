/**
 * The choice of the next token from scores, inside a captured function. Scores are [vocab, slots], a column a slot, as the
 * output matrix gives them.
 */
import type { Tensor } from '@tensorflow/tfjs-node';
import { TF_DOUBLE } from '../graph/definition.ts';
import { exp, gather, log, max, mul, reshape, sub } from '../kernels.ts';
import { flag, run, type } from '../native.ts';
import { tf } from '../tf.ts';
import { likeliest } from './device.ts';
import type { Chosen } from './operators.ts';

/** How tokens are drawn: both inputs are doubles, as `doubles` makes them. */
export type Draws = {
  /** A draw from [0, 1) a slot. */
  uniforms: Tensor;
  /** One over the temperature. */
  sharpness: Tensor;
};

/**
 * A token drawn by inverse CDF from softmax(sharpness * scores): the first up to which the probabilities add up to more than
 * the draw. Sums are of doubles, or there would be gaps that draws fall into; what rounding leaves at the very end is the
 * likeliest token's.
 */
export function drawn(scores: Tensor, { uniforms, sharpness }: Draws): Chosen {
  const [vocab, slots] = scores.shape as [number, number];
  const powers = mul(asDouble(sub(scores, max(scores, 0))), fromInput(sharpness));
  const reached = cumulative(exp(powers));
  const total = gather(reached, tf.scalar(vocab - 1, 'int32'));
  const passed = lessEqual(reached, mul(fromInput(uniforms), total));
  const count = tf.sum(tf.cast(passed, 'int32'), 0);
  const tokens = tf.where(tf.less(count, tf.scalar(vocab, 'int32')), count, likeliest(scores).tokens);
  const places = tf.add(tf.mul(tokens, tf.scalar(slots, 'int32')), tf.range(0, slots, 1, 'int32'));
  return { tokens, logProbs: asFloat(sub(gather(reshape(powers, [-1]), places), log(total))) };
}

/** Numbers as an input of a captured function, int32 [.., 2]: TensorFlow.js has no doubles, but their halves pass. */
export function doubles(values: readonly number[]): Tensor {
  return tf.tensor2d(new Int32Array(Float64Array.from(values).buffer), [values.length, 2], 'int32');
}

const firstAxis = () => tf.scalar(0, 'int32');
const fromInput = (halves: Tensor) => run('Bitcast', [type('type', TF_DOUBLE)], halves);
const asDouble = (x: Tensor) => run('Cast', [type('DstT', TF_DOUBLE)], x);
const asFloat = (x: Tensor) => run('Cast', [type('DstT')], x);
const lessEqual = (a: Tensor, b: Tensor) => run('LessEqual', [], a, b);
const cumulative = (x: Tensor) => run('Cumsum', [flag('exclusive', false)], x, firstAxis());
