/**
 * AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101) with clipping by the global norm, and the gradients it takes.
 *
 * All parameters of a model lie in one flat vector, and so do their moments: an update is some fifteen operators on long
 * vectors, however many parameters there are, instead of fifteen on each.
 */
import type { Scalar, Tensor, Tensor1D } from '@tensorflow/tfjs-node';
import type { WeightDecayOn } from '../schemas/types/job.ts';
import { adamW as adamWUpdate } from './fused/device.ts';
import { concat, mul, reshape, split, square, sum } from './kernels.ts';
import type { Parameters } from './parameters.ts';
import { tf } from './tf.ts';

export interface AdamWOptions {
  betas: [number, number];
  /** Decoupled decay; 0 is none. */
  weightDecay: number;
  /** Which parameters decay: all, or those of two dimensions, which leaves the gains of norms out. Default: all. */
  weightDecayOn?: WeightDecayOn;
  /** Largest global gradient norm; 0 is off. */
  clip: number;
}

/** Gradients by parameter name; a parameter that the loss does not touch has none. */
export type Gradients = Record<string, Tensor>;

/** What a checkpoint keeps of an optimizer. */
export interface OptimizerState {
  /** Updates done. */
  updates: number;
  /** First and second moments by parameter name, flat. */
  first: Record<string, Float32Array>;
  second: Record<string, Float32Array>;
}

/** A set of parameters and the optimizer that trains it. */
export interface Trainable {
  readonly parameters: Parameters;
  /** Updates done. */
  readonly updates: number;
  /** One update of the parameters, in place. Leaves the gradients to the caller. Gives their norm before clipping. */
  update(gradients: Gradients, lr: number): number;
  /** Counts an update and gives what changes from one to the next, for `apply`: [3]. */
  nextRates(lr: number): Tensor1D;
  /** What `update` does, of tensors alone, so that it can be captured. */
  apply(gradients: Gradients, rates: Tensor1D): Scalar;
  /** A copy of the optimizer's state. */
  state(): OptimizerState;
  /** Puts back weights (by parameter name, flat) and state: what comes after is as if nothing had been in between. */
  restore(weights: Record<string, Float32Array>, state: OptimizerState): void;
  /** Frees the optimizer's tensors, not the parameters. */
  dispose(): void;
}

/**
 * The value of `loss` and its gradients by the parameters. `loss` is called once, and builds on the parameters directly.
 * The caller disposes both.
 */
export function valueAndGradients(loss: () => Scalar, parameters: Parameters): { value: Scalar; gradients: Gradients } {
  const { value, grads } = tf.variableGrads(loss, Object.values(parameters));
  const gradients: Gradients = {};
  for (const [name, parameter] of Object.entries(parameters)) {
    const gradient = grads[parameter.name];
    if (gradient !== undefined) gradients[name] = gradient;
  }
  return { value, gradients };
}

/** A sum of gradients, for an update from more than fits into one pass. */
export interface GradientSum {
  /** Adds gradients by tensors alone, so that it can be captured. */
  add(gradients: Gradients): void;
  /** The sum, which begins again at zero. Of tensors alone too. */
  take(): Gradients;
  /** Frees the sum. */
  dispose(): void;
}

/** A sum of gradients by these parameters: zero. It takes as much memory as they do. */
export function gradientSum(parameters: Parameters): GradientSum {
  const sums = Object.fromEntries(
    Object.entries(parameters).map(([name, parameter]) => [name, tf.tidy(() => tf.variable(tf.zerosLike(parameter)))]),
  );
  return {
    add(gradients) {
      for (const [name, gradient] of Object.entries(gradients)) {
        const sum = sums[name] as Parameters[string];
        sum.assign(tf.add(sum, gradient));
      }
    },
    take() {
      const taken = Object.entries(sums).map(([name, sum]) => [name, tf.clone(sum as Tensor)] as const);
      for (const sum of Object.values(sums)) sum.assign(tf.zerosLike(sum));
      return Object.fromEntries(taken);
    },
    dispose: () => tf.dispose(sums),
  };
}

const epsilon = 1e-8;

/**
 * Makes parameters trainable, with fresh moments. Update t, as in PyTorch, with g the gradient after clipping:
 *
 *     m = β1 m + (1 - β1) g        v = β2 v + (1 - β2) g²
 *     θ = (1 - lr λ) θ - lr m / (1 - β1ᵗ) / (sqrt(v / (1 - β2ᵗ)) + ε)
 *
 * Clipping scales all gradients by clip / max(norm, clip).
 */
export function adamw(
  parameters: Parameters,
  { betas, weightDecay, weightDecayOn = 'all', clip }: AdamWOptions,
): Trainable {
  const [beta1, beta2] = betas;
  const entries = Object.entries(parameters);
  const { order, begins, padding, size: total } = layOut(parameters);
  const flatten = (tensorOf: (name: string, parameter: Tensor) => Tensor) =>
    concat(
      [...order.map(([name, parameter]) => reshape(tensorOf(name, parameter), [-1])), tf.zeros([padding])],
      0,
    ) as Tensor1D;
  const variable = (make: () => Tensor1D) => tf.tidy(() => tf.variable(make()));

  const theta = variable(() => flatten((_, parameter) => parameter));
  const first = variable(() => tf.zeros([total]));
  const second = variable(() => tf.zeros([total]));
  let updates = 0;

  const spread = () => {
    const inLines = order.filter(isInLines);
    const others = order.filter((entry) => !isInLines(entry));
    const lines = inLines.map(([, { size }]) => size / line);
    const rest = total / line - lines.reduce((sum, count) => sum + count, 0);
    const parts = split(reshape(theta, [-1, line]), [...lines, rest], 0);
    const tail = split(reshape(parts.pop() as Tensor, [-1]), [...others.map(([, { size }]) => size), padding], 0);
    for (const [index, [, parameter]] of order.entries())
      parameter.assign(reshape([...parts, ...tail][index] as Tensor, parameter.shape));
  };
  const unflatten = (values: Float32Array): Record<string, Float32Array> =>
    Object.fromEntries(
      entries.map(([name, { size }]) => {
        const begin = begins.get(name) as number;
        return [name, values.slice(begin, begin + size)];
      }),
    );
  const flat = (named: Record<string, Float32Array>) => {
    const values = new Float32Array(total);
    for (const [name, { size }] of entries) {
      const part = named[name];
      if (part?.length !== size) throw new RangeError(`${name} has ${part?.length ?? 'no'} values, not ${size}`);
      values.set(part, begins.get(name) as number);
    }
    return tf.tensor1d(values);
  };

  tf.tidy(spread); // now, and not at the first update: until then they would take their memory a second time

  const nextRates = (lr: number) => {
    updates += 1;
    const correction1 = 1 - beta1 ** updates;
    const correction2 = Math.sqrt(1 - beta2 ** updates);
    // Both sides of the fraction times sqrt(1 - β2ᵗ): then one number is enough to divide by.
    return tf.tensor1d([(lr * correction2) / correction1, epsilon * correction2, 1 - lr * weightDecay]);
  };
  /** θ and rates as the update takes them, which lets all of θ decay: where only a part is to, it has done so already. */
  const decaying = (rates: Tensor1D): { theta: Tensor; rates: Tensor } => {
    if (weightDecay === 0 || weightDecayOn === 'all') return { theta, rates };
    // Neighbours of one kind are one piece.
    const pieces: { decays: boolean; size: number }[] = [];
    for (const [, { size, rank }] of order) {
      const decays = rank > 1;
      const last = pieces.at(-1);
      if (last?.decays === decays) last.size += size;
      else pieces.push({ decays, size });
    }
    pieces.push({ decays: false, size: padding });
    const sizes = pieces.map(({ size }) => size);
    const [others, factor] = split(rates, [2, 1], 0) as [Tensor, Tensor];
    const parts = split(theta, sizes, 0).map((part, index) => (pieces[index]?.decays ? mul(part, factor) : part));
    return { theta: concat(parts, 0), rates: concat([others, tf.ones([1])], 0) };
  };
  const apply = (gradients: Gradients, rates: Tensor1D) =>
    tf.tidy(() => {
      const raw = flatten((name, parameter) => gradients[name] ?? tf.zerosLike(parameter));
      const norm = tf.sqrt(sumOfSquares(raw)) as Scalar;
      const scale = clip > 0 ? tf.div(clip, tf.maximum(norm, clip)) : tf.scalar(1);
      const state = decaying(rates);
      const updated = adamWUpdate({ theta: state.theta, m: first, v: second }, raw, state.rates, scale, betas);
      theta.assign(updated.theta as Tensor1D);
      first.assign(updated.m as Tensor1D);
      second.assign(updated.v as Tensor1D);
      spread();
      return norm;
    });

  return {
    parameters,
    get updates() {
      return updates;
    },
    update(gradients, lr) {
      return tf.tidy(() => apply(gradients, nextRates(lr)).dataSync()[0] as number);
    },
    nextRates,
    apply,
    state: () => ({
      updates,
      first: unflatten(first.dataSync() as Float32Array),
      second: unflatten(second.dataSync() as Float32Array),
    }),
    restore(weights, state) {
      updates = state.updates;
      tf.tidy(() => {
        theta.assign(flat(weights));
        first.assign(flat(state.first));
        second.assign(flat(state.second));
        spread();
      });
    },
    dispose: () => tf.dispose([theta, first, second]),
  };
}

/** Numbers in a cache line of 64 bytes. Rows of whole lines are what TensorFlow splits off a tensor without a copy. */
const line = 16;

/** Numbers that are added up by one thread, in an order of its own. */
const block = 4096;

type Entry = [name: string, parameter: Parameters[string]];

const isInLines = ([, { size }]: Entry) => size % line === 0;

/**
 * Where parameters lie in the flat vector: those of whole lines first, then those with a remainder, then zeros up to a
 * whole number of blocks.
 */
function layOut(parameters: Parameters): {
  order: Entry[];
  begins: Map<string, number>;
  padding: number;
  size: number;
} {
  const entries = Object.entries(parameters);
  const order = [...entries.filter(isInLines), ...entries.filter((entry) => !isInLines(entry))];
  const begins = new Map<string, number>();
  let used = 0;
  for (const [name, { size }] of order) {
    begins.set(name, used);
    used += size;
  }
  const size = block * (Math.floor(used / block) + 1);
  return { order, begins, padding: size - used, size };
}

/**
 * Σ x² of a vector of whole blocks: the sums of blocks, then of blocks of these, until they fit into one. TensorFlow
 * splits the sum of a long vector among the threads there are (three give other bits than one), but not a sum over rows
 * of a fixed length.
 */
export function sumOfSquares(x: Tensor, length = block): Tensor {
  let sums = sum(reshape(square(x), [-1, length]), 1);
  while (sums.size > length) {
    const padded = concat([sums, tf.zeros([length - (sums.size % length)])], 0);
    sums = sum(reshape(padded, [-1, length]), 1);
  }
  return sum(sums, 0);
}
