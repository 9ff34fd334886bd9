/**
 * Optimizer updates as captured functions, whatever the loss. What is more than fits into one pass through a model goes in
 * parts, whose losses and gradients add up.
 */
import type { NamedTensorMap, Scalar, Tensor1D } from '@tensorflow/tfjs-node';
import { type Gradients, gradientSum, type Trainable, valueAndGradients } from './adamw.ts';
import { type CaptureOptions, capture } from './graph/capture.ts';
import { roomForTensors } from './memory.ts';
import type { Parameters } from './parameters.ts';
import { device, tf } from './tf.ts';

/** What is learned from: the loss, of which gradients are taken, and figures beside it. Of a batch in parts, their sums. */
export type Sums = { loss: Scalar; [figure: string]: Scalar };

/** The sums as numbers, and the norm of the gradient before clipping. */
export type UpdateNumbers = { loss: number; gradientNorm: number; [figure: string]: number };

/** What a batch, or a part of one, gives. Called once, and builds on the model's parameters directly. */
export type SumsOf<Inputs extends NamedTensorMap> = (inputs: Inputs) => Sums;

/** One optimizer update: the sums before it, and the norm of the gradient before clipping. `rates` are `nextRates`'s. */
export function update<Inputs extends NamedTensorMap>(
  model: Trainable,
  sumsOf: SumsOf<Inputs>,
  inputs: Inputs,
  rates: Tensor1D,
): Sums & { gradientNorm: Scalar } {
  const { sums, gradients } = sumsAndGradients(() => sumsOf(inputs), model.parameters);
  return { ...sums, gradientNorm: model.apply(gradients, rates) };
}

/** Optimizer updates as a captured function. */
export interface Updates<Inputs extends NamedTensorMap> {
  /** One update. Each part of its batch makes its tensors when its turn comes; they are freed. */
  (parts: readonly (() => Inputs)[], lr: number): UpdateNumbers;
  /** Frees the graphs; not the model. */
  dispose(): void;
}

/**
 * Updates of a model by a loss: a graph where a batch is one part; else one for each part, and one for the update. A part that has
 * no room in memory is an `out-of-memory` failure before anything of it is computed.
 */
export function capturedUpdates<Inputs extends NamedTensorMap>(
  model: Trainable,
  sumsOf: SumsOf<Inputs>,
  options: CaptureOptions,
): Updates<Inputs> {
  const whole = capture(
    ({ rates, ...inputs }: Inputs & { rates: Tensor1D }) => update(model, sumsOf, inputs as unknown as Inputs, rates),
    options,
  );
  const requireRoom = roomOnDevice();
  let summed: Updates<Inputs> | undefined;
  const step = (parts: readonly (() => Inputs)[], lr: number) => {
    const [only, ...others] = parts;
    if (only !== undefined && others.length === 0) {
      return tf.tidy(() => {
        const inputs = { ...only(), rates: model.nextRates(lr) };
        requireRoom(whole.peakBytes(inputs), describe(inputs));
        return numbers(whole(inputs));
      });
    }
    summed ??= summedUpdates(model, sumsOf, options);
    return summed(parts, lr);
  };
  return Object.assign(step, {
    dispose() {
      whole.dispose();
      summed?.dispose();
    },
  });
}

function summedUpdates<Inputs extends NamedTensorMap>(
  model: Trainable,
  sumsOf: SumsOf<Inputs>,
  options: CaptureOptions,
): Updates<Inputs> {
  const { parameters } = model;
  const requireRoom = roomOnDevice();
  const sum = gradientSum(parameters);
  const learn = capture((part: Inputs) => {
    const { sums, gradients } = sumsAndGradients(() => sumsOf(part), parameters);
    sum.add(gradients);
    return sums;
  }, options);
  const apply = capture(
    ({ rates }: { rates: Tensor1D }) => ({ gradientNorm: model.apply(sum.take(), rates) }),
    options,
  );
  const step = (parts: readonly (() => Inputs)[], lr: number) => {
    const total: Record<string, number> & { loss: number } = { loss: 0 };
    for (const part of parts) {
      const sums = tf.tidy(() => {
        const inputs = part();
        requireRoom(learn.peakBytes(inputs), describe(inputs));
        return numbers(learn(inputs));
      });
      for (const [name, value] of Object.entries(sums)) total[name] = (total[name] ?? 0) + value;
    }
    const { gradientNorm } = tf.tidy(() => numbers(apply({ rates: model.nextRates(lr) })));
    return { ...total, gradientNorm };
  };
  return Object.assign(step, {
    dispose() {
      for (const made of [learn, apply, sum]) made.dispose();
    },
  });
}

/** The check of what is to be computed. Of a GPU TensorFlow says no more than when it is full. */
function roomOnDevice(): ReturnType<typeof roomForTensors> {
  return device === 'gpu' ? () => {} : roomForTensors(() => tf.memory().numBytes);
}

function describe({ tokens }: NamedTensorMap): string {
  return tokens === undefined ? 'A step' : `A step on ${tokens.shape.join(' x ')} tokens`;
}

/** Gradients of the loss. tfjs frees what is computed beside a loss as it returns, so figures are kept over that. */
function sumsAndGradients(sumsOf: () => Sums, parameters: Parameters): { sums: Sums; gradients: Gradients } {
  const figures: [name: string, figure: Scalar][] = [];
  const { value, gradients } = valueAndGradients(() => {
    const { loss, ...others } = sumsOf();
    for (const [name, figure] of Object.entries(others)) figures.push([name, tf.keep(figure)]);
    return loss;
  }, parameters);
  const given = figures.map(([name, figure]) => {
    const copy = tf.clone(figure);
    figure.dispose();
    return [name, copy] as const;
  });
  return { sums: { loss: value, ...Object.fromEntries(given) }, gradients };
}

function numbers<Scalars extends Record<string, Scalar>>(scalars: Scalars): { [name in keyof Scalars]: number } {
  const read = Object.entries(scalars).map(([name, scalar]) => [name, scalar.dataSync()[0] as number] as const);
  return Object.fromEntries(read) as { [name in keyof Scalars]: number };
}
