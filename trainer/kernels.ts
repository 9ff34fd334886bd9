/**
 * TensorFlow's operators, called directly.
 *
 * tfjs wraps each operator in conversions, shape checks and a tape entry: 20 to 40 µs a call, and a training step makes
 * hundreds. Inside a `customGrad` nothing of that is needed, and TensorFlow checks the shapes itself. Some of these
 * (SelectV2, batch products that spread) tfjs does not offer at all. Every call goes through the backend's
 * `executeSingleOutput` or `executeMultipleOutputs`, as tfjs's own do: who records those sees all operators of a step
 * (graph/trace.ts does).
 *
 * All are on float32 unless said otherwise; results belong to the surrounding `tidy`.
 */
import type { Tensor } from '@tensorflow/tfjs-node';
import { type Attribute, backend, flag, integer, run, type } from './native.ts';
import { tf } from './tf.ts';

const { TF_INT32 } = backend.binding;

const float = [type('T')];

/**
 * Small constants (scalars, shapes, axes) are made once and kept, because the same few come back every step. Generation
 * brings new shapes with every length, so the least recently used go when there are many.
 */
const mostConstants = 4096;
const constants = new Map<string, Tensor>();

function constant(values: number | number[], dtype: 'int32' | 'float32'): Tensor {
  const name = `${dtype} ${Array.isArray(values) ? `[${values}]` : nameOf(values)}`;
  const tensor = constants.get(name) ?? tf.keep(tf.tensor(values, undefined, dtype));
  constants.delete(name);
  constants.set(name, tensor);
  if (constants.size > mostConstants) {
    const [oldest, unused] = constants.entries().next().value as [string, Tensor];
    constants.delete(oldest);
    unused.dispose();
  }
  return tensor;
}

/** Each number has another: JSON and `String` do not tell -0 from 0, and JSON not NaN from infinities. */
const nameOf = (value: number) => (Object.is(value, -0) ? '-0' : String(value));

const integers = (values: number | number[]) => constant(values, 'int32');
const scalar = (value: number) => constant(value, 'float32');

export const add = (a: Tensor, b: Tensor | number): Tensor => run('AddV2', float, a, operand(b));
export const sub = (a: Tensor, b: Tensor | number): Tensor => run('Sub', float, a, operand(b));
export const mul = (a: Tensor, b: Tensor | number): Tensor => run('Mul', float, a, operand(b));
export const div = (a: Tensor, b: Tensor | number): Tensor => run('RealDiv', float, a, operand(b));
const operand = (x: Tensor | number) => (typeof x === 'number' ? scalar(x) : x);

export const neg = (x: Tensor): Tensor => run('Neg', float, x);
export const square = (x: Tensor): Tensor => run('Square', float, x);
export const sqrt = (x: Tensor): Tensor => run('Sqrt', float, x);
export const rsqrt = (x: Tensor): Tensor => run('Rsqrt', float, x);
export const exp = (x: Tensor): Tensor => run('Exp', float, x);
export const log = (x: Tensor): Tensor => run('Log', float, x);
export const sigmoid = (x: Tensor): Tensor => run('Sigmoid', float, x);
/** Over the last axis. */
export const softmax = (x: Tensor): Tensor => run('Softmax', float, x);

const reduction = (keep: boolean) => [flag('keep_dims', keep), type('T'), type('Tidx', TF_INT32)];
const [dropping, keeping] = [reduction(false), reduction(true)];
export const sum = (x: Tensor, axis: number, keep = false): Tensor =>
  run('Sum', keep ? keeping : dropping, x, integers(axis));
export const max = (x: Tensor, axis: number, keep = false): Tensor =>
  run('Max', keep ? keeping : dropping, x, integers(axis));

const transposing = (a: string, b: string) =>
  [0, 1, 2, 3].map((bits) => [type('T'), flag(a, bits >= 2), flag(b, bits % 2 === 1)]);
const [ofTwo, ofMany] = [transposing('transpose_a', 'transpose_b'), transposing('adj_x', 'adj_y')];
/**
 * a b over the last two axes, either transposed; leading axes go together and spread. Of two matrices the operator for
 * these is the faster one, the more so the smaller they are; it does not prepare a for the product where it is not
 * transposed: the larger comes first.
 */
export const matMul = (a: Tensor, b: Tensor, transposeA = false, transposeB = false): Tensor => {
  const bits = 2 * Number(transposeA) + Number(transposeB);
  const [name, attributes] =
    a.rank === 2 && b.rank === 2 ? (['MatMul', ofTwo] as const) : (['BatchMatMulV2', ofMany] as const);
  return run(name, attributes[bits] as Attribute[], a, b);
};
/** As `matMul`, faster where many products are of a vector or a few. */
export const batchProduct = (a: Tensor, b: Tensor, transposeA = false, transposeB = false): Tensor =>
  run(
    'BatchMatMulV3',
    [type('Ta'), type('Tb'), type('Tout'), flag('adj_x', transposeA), flag('adj_y', transposeB)],
    a,
    b,
  );

/** The same values, through which no gradient flows: like every operator here it is on no tape. */
export const stopGradient = (x: Tensor): Tensor => run('StopGradient', float, x);

export const reshape = (x: Tensor, shape: number[]): Tensor =>
  run('Reshape', [type('T'), type('Tshape', TF_INT32)], x, integers(shape));
export const transpose = (x: Tensor, axes: number[]): Tensor =>
  run('Transpose', [type('T'), type('Tperm', TF_INT32)], x, integers(axes));
export const reverse = (x: Tensor, axis: number): Tensor =>
  run('ReverseV2', [type('T'), type('Tidx', TF_INT32)], x, integers([axis]));
export const concat = (tensors: Tensor[], axis: number): Tensor =>
  run('ConcatV2', [integer('N', tensors.length), type('T'), type('Tidx', TF_INT32)], ...tensors, integers(axis));
/** The same of one tensor or more. */
export const joined = (parts: Tensor[], axis: number): Tensor =>
  parts.length === 1 ? (parts[0] as Tensor) : concat(parts, axis);
/** `size` (-1: all that is left) from `begin` on, along each axis. */
export const slice = (x: Tensor, begin: number[], size: number[]): Tensor =>
  run('Slice', [type('T'), type('Index', TF_INT32)], x, integers(begin), integers(size));
/**
 * Pieces of the given lengths along an axis; along the first they share memory with x, where its rows are whole lines of 64
 * bytes.
 */
export const split = (x: Tensor, lengths: number[], axis: number): Tensor[] => {
  const attributes = [integer('num_split', lengths.length), type('T'), type('Tlen', TF_INT32)];
  return backend.executeMultipleOutputs('SplitV', attributes, [x, integers(lengths), integers(axis)], lengths.length);
};

/** Where the condition (bool, spreads) holds x, else the number. */
export const select = (condition: Tensor, x: Tensor, otherwise: number): Tensor =>
  run('SelectV2', float, condition, x, scalar(otherwise));

/** Slices of an axis, the first, by index (int32). */
export const gather = (x: Tensor, indices: Tensor, axis = 0): Tensor =>
  run(
    'GatherV2',
    [integer('batch_dims', 0), type('Tparams'), type('Tindices', TF_INT32), type('Taxis', TF_INT32)],
    x,
    indices,
    integers(axis),
  );
/**
 * x with the given slices in place of those of its first axis at `indices` (int32). Nothing is copied: it is the memory of
 * x, whoever else holds it, that changes.
 */
export const updateInPlace = (x: Tensor, indices: Tensor, slices: Tensor): Tensor =>
  run('InplaceUpdate', float, x, indices, slices);
/** Slices of x added up by their index among `segments` (int32 indices). */
export const segmentSum = (x: Tensor, indices: Tensor, segments: number): Tensor =>
  run(
    'UnsortedSegmentSum',
    [type('T'), type('Tindices', TF_INT32), type('Tnumsegments', TF_INT32)],
    x,
    indices,
    integers(segments),
  );
