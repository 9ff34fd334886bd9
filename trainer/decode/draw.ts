/**
 * The choice of the next token from scores, inside a captured function. Scores are [vocab, slots], a column a slot, as the
 * output matrix gives them.
 */
import type { Tensor } from '@tensorflow/tfjs-node';
import { TF_DOUBLE } from '../graph/definition.ts';
import { exp, gather, log, max, mul, reshape, sub, transpose } from '../kernels.ts';
import { flag, run, several, type } from '../native.ts';
import { tf } from '../tf.ts';
import { likeliest } from './device.ts';
import type { Chosen } from './operators.ts';

/** How tokens are drawn: all of these are doubles, as `doubles` makes them. */
export type Draws = {
  /** A draw from [0, 1) a slot. */
  uniforms: Tensor;
  /** One over the temperature. */
  sharpness: Tensor;
  /** Of nucleus sampling, the probability that the likeliest tokens have together; all tokens may be drawn without it. */
  nucleus?: Tensor;
};

/**
 * A token drawn by inverse CDF from softmax(sharpness * scores): the first up to which the probabilities add up to more than
 * the draw. Sums are of doubles, or there would be gaps that draws fall into; what rounding leaves at the very end is the
 * likeliest token's.
 *
 * With a nucleus (Holtzman et al. 2020, arXiv 1904.09751) it is drawn from the fewest likeliest tokens that have that
 * probability together, the likeliest first; ln p is that among all tokens.
 */
export function drawn(scores: Tensor, { uniforms, sharpness, nucleus }: Draws): Chosen {
  const scaled = (values: Tensor, highest: Tensor) => mul(asDouble(sub(values, highest)), fromInput(sharpness));
  if (nucleus !== undefined) return fromNucleus(scores, scaled, uniforms, nucleus);
  const [vocab, slots] = scores.shape as [number, number];
  const powers = scaled(scores, max(scores, 0));
  const reached = cumulative(exp(powers), 0);
  const total = gather(reached, whole(vocab - 1));
  const count = countOf(lessEqual(reached, mul(fromInput(uniforms), total)), 0);
  const tokens = tf.where(tf.less(count, whole(vocab)), count, likeliest(scores).tokens);
  const places = tf.add(tf.mul(tokens, whole(slots)), tf.range(0, slots, 1, 'int32'));
  return { tokens, logProbs: asFloat(sub(gather(reshape(powers, [-1]), places), log(total))) };
}

/** Rows are slots here, their scores in falling order; of equal ones the lesser token is before the other. */
function fromNucleus(
  scores: Tensor,
  scaled: (values: Tensor, highest: Tensor) => Tensor,
  uniforms: Tensor,
  nucleus: Tensor,
): Chosen {
  const [vocab, slots] = scores.shape as [number, number];
  const [values, tokens] = sorted(transpose(scores, [1, 0]), vocab);
  const powers = reshape(scaled(values, max(values, 1, true)), [slots, vocab]);
  const reached = cumulative(exp(powers), 1);
  const rows = tf.mul(tf.range(0, slots, 1, 'int32'), whole(vocab));
  const at = (matrix: Tensor, column: Tensor) => gather(reshape(matrix, [-1]), tf.add(rows, column));
  const total = at(reached, whole(vocab - 1));
  const last = tf.minimum(countOf(less(reached, asColumn(mul(total, fromInput(nucleus)), slots)), 1), whole(vocab - 1));
  const limit = mul(fromInput(uniforms), at(reached, last));
  const place = tf.minimum(countOf(lessEqual(reached, asColumn(limit, slots)), 1), last);
  return { tokens: at(tokens, place), logProbs: asFloat(sub(at(powers, place), log(total))) };
}

/** Numbers as an input of a captured function, int32 [.., 2]: TensorFlow.js has no doubles, but their halves pass. */
export function doubles(values: readonly number[]): Tensor {
  return tf.tensor2d(new Int32Array(Float64Array.from(values).buffer), [values.length, 2], 'int32');
}

const whole = (value: number) => tf.scalar(value, 'int32');
const asColumn = (x: Tensor, slots: number) => reshape(x, [slots, 1]);
const countOf = (conditions: Tensor, axis: number) => tf.sum(tf.cast(conditions, 'int32'), axis);
const fromInput = (halves: Tensor) => run('Bitcast', [type('type', TF_DOUBLE)], halves);
const asDouble = (x: Tensor) => run('Cast', [type('DstT', TF_DOUBLE)], x);
const asFloat = (x: Tensor) => run('Cast', [type('DstT')], x);
const less = (a: Tensor, b: Tensor) => run('Less', [], a, b);
const lessEqual = (a: Tensor, b: Tensor) => run('LessEqual', [], a, b);
const cumulative = (x: Tensor, axis: number) => run('Cumsum', [flag('exclusive', false)], x, whole(axis));
const sorted = (x: Tensor, count: number) =>
  several('TopKV2', [flag('sorted', true)], [x, whole(count)], 2) as [Tensor, Tensor];
