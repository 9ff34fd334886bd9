import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Scalar } from '@tensorflow/tfjs-node';
import { type AdamWOptions, adamw, sumOfSquares, type Trainable, valueAndGradients } from '../../trainer/adamw.ts';
import { type Parameters, parameterFrom } from '../../trainer/parameters.ts';
import { random } from '../../trainer/random.ts';
import { tf } from '../../trainer/tf.ts';
import { close } from './support.ts';

const shapes: Record<string, number[]> = { matrix: [3, 2], gain: [4] };
const options: AdamWOptions = { betas: [0.9, 0.95], weightDecay: 0.1, clip: 1 };

function parameters(): Parameters {
  const { normal } = random(1, 'parameters');
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [
      name,
      parameterFrom(Float32Array.from({ length: sizeOf(shape) }, normal), shape),
    ]),
  );
}

const sizeOf = (shape: number[]) => shape.reduce((product, length) => product * length, 1);
const gradientsOf = (update: number, scale: number) => {
  const { normal } = random(2, 'gradients', update);
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [
      name,
      Array.from({ length: sizeOf(shape) }, () => scale * normal()),
    ]),
  );
};
const weights = (from: Parameters) =>
  Object.fromEntries(Object.entries(from).map(([name, parameter]) => [name, parameter.dataSync() as Float32Array]));

function apply(trainable: Trainable, update: number, scale: number, lr: number): number {
  return tf.tidy(() => {
    const gradients = Object.entries(gradientsOf(update, scale)).map(([name, values]) => [
      name,
      tf.tensor(values, shapes[name]),
    ]);
    return trainable.update(Object.fromEntries(gradients), lr);
  }) as unknown as number;
}

/** The update as PyTorch's documentation of AdamW states it, number by number in double precision. */
function reference(
  start: Record<string, ArrayLike<number>>,
  { betas: [beta1, beta2], weightDecay, weightDecayOn = 'all', clip }: AdamWOptions,
  scale: number,
  lr: number,
  updates: number,
) {
  const theta = Object.fromEntries(Object.entries(start).map(([name, values]) => [name, Array.from(values)]));
  const zeros = () => Object.fromEntries(Object.entries(theta).map(([name, values]) => [name, values.map(() => 0)]));
  const [m, v] = [zeros(), zeros()] as [Record<string, number[]>, Record<string, number[]>];
  const norms: number[] = [];
  for (let t = 1; t <= updates; t++) {
    const gradients = gradientsOf(t, scale);
    const norm = Math.hypot(...Object.values(gradients).flat());
    norms.push(norm);
    for (const [name, values] of Object.entries(theta)) {
      const [first, second] = [m[name] as number[], v[name] as number[]];
      const decay = weightDecayOn === 'all' || name === 'matrix' ? weightDecay : 0;
      for (let i = 0; i < values.length; i++) {
        const g = (gradients[name]?.[i] as number) * (clip > 0 ? Math.min(1, clip / norm) : 1);
        first[i] = beta1 * (first[i] as number) + (1 - beta1) * g;
        second[i] = beta2 * (second[i] as number) + (1 - beta2) * g * g;
        const step =
          (first[i] as number) / (1 - beta1 ** t) / (Math.sqrt((second[i] as number) / (1 - beta2 ** t)) + 1e-8);
        values[i] = (values[i] as number) - lr * decay * (values[i] as number) - lr * step;
      }
    }
  }
  return { theta, norms };
}

describe('AdamW', () => {
  const cases: [string, AdamWOptions, number][] = [
    ['with clipping at work', options, 3],
    ['with gradients below the clip', options, 0.01],
    ['without clipping and without decay', { ...options, clip: 0, weightDecay: 0 }, 3],
    ['with the decay of matrices alone', { ...options, weightDecayOn: 'matrices' }, 3],
    ['with gradients as small as its epsilon', { ...options, clip: 0 }, 1e-8],
  ];
  for (const [what, settings, scale] of cases) {
    it(`follows the formula, ${what}`, () => {
      const own = parameters();
      const { theta, norms } = reference(weights(own), settings, scale, 0.01, 5);
      const trainable = adamw(own, settings);
      const measured = [1, 2, 3, 4, 5].map((update) => apply(trainable, update, scale, 0.01));
      close(measured, norms, 1e-6);
      for (const [name, values] of Object.entries(theta)) close(weights(own)[name] as Float32Array, values, 1e-6, name);
      assert.equal(trainable.updates, 5);
    });
  }

  it('decays parameters without a gradient, and moves them no other way', () => {
    const own = parameters();
    const before = weights(own);
    const trainable = adamw(own, options);
    tf.tidy(() => trainable.update({ matrix: tf.ones([3, 2]) }, 0.1));
    close(
      weights(own).gain as Float32Array,
      (before.gain as Float32Array).map((value) => value * 0.99),
      1e-6,
    );
  });

  it('leaves gains as they are where matrices alone decay, and changes nothing else', () => {
    const decayed = ['all', 'matrices'].map((weightDecayOn) => {
      const own = parameters();
      tf.tidy(() => adamw(own, { ...options, weightDecayOn } as AdamWOptions).update({}, 0.1));
      return weights(own);
    });
    const before = weights(parameters());
    assert.deepEqual(decayed[1]?.gain, before.gain);
    assert.notDeepEqual(decayed[0]?.gain, before.gain);
    assert.deepEqual(decayed[1]?.matrix, decayed[0]?.matrix);
  });

  it('goes on from its state as if nothing had been in between, bit by bit', () => {
    const [whole, interrupted, resumed] = [parameters(), parameters(), parameters()];
    const straight = adamw(whole, options);
    for (const update of [1, 2, 3, 4]) apply(straight, update, 1, 0.01);
    const first = adamw(interrupted, options);
    for (const update of [1, 2]) apply(first, update, 1, 0.01);
    const second = adamw(resumed, options);
    apply(second, 9, 1, 0.5);
    second.restore(weights(interrupted), first.state());
    for (const update of [3, 4]) apply(second, update, 1, 0.01);
    assert.deepEqual(weights(resumed), weights(whole));
    assert.deepEqual(second.state(), straight.state());
  });

  it('refuses a state of other shapes', () => {
    const own = parameters();
    const trainable = adamw(own, options);
    assert.throws(
      () => trainable.restore({ ...weights(own), gain: new Float32Array(3) }, trainable.state()),
      /gain has 3 values, not 4/,
    );
  });

  it('measures the same norm, to the bit, on one thread, two and three', () => {
    const program = fileURLToPath(new URL('norm-digest.js', import.meta.url));
    const [one, ...others] = ['1', '2', '3'].map((threads) =>
      execFileSync(process.execPath, [program], {
        encoding: 'utf8',
        env: { ...process.env, DESCENT_THREADS: threads },
      }),
    );
    assert.match(one as string, /^[0-9a-f]{8}$/);
    assert.deepEqual(others, [one, one]);
  });

  for (const blocks of [1, 4, 5, 16, 37, 64, 65])
    it(`adds up the squares of ${blocks} blocks, and the sums of blocks of sums, each once`, () => {
      const numbers = Array.from({ length: 4 * blocks }, (_, i) => (i % 7) - 3);
      const expected = numbers.reduce((sum, number) => sum + number ** 2, 0);
      assert.equal(
        tf.tidy(() => sumOfSquares(tf.tensor1d(numbers), 4).dataSync()[0] as unknown as number),
        expected,
      );
    });

  it('trains parameters of any length, in whatever order they come', () => {
    const lengths = { odd: 7, lines: 32, long: 5003, one: 1, block: 4096 };
    const own = Object.fromEntries(
      Object.entries(lengths).map(([name, length]) => [
        name,
        parameterFrom(new Float32Array(length).fill(1), [length]),
      ]),
    );
    const trainable = adamw(own, { ...options, clip: 0, weightDecay: 0 });
    const gradients = () =>
      Object.fromEntries(Object.entries(lengths).map(([name, length]) => [name, tf.range(1, length + 1)]));
    const norm = tf.tidy(() => trainable.update(gradients(), 0.5));
    const squares = Object.values(lengths).map((length) => (length * (length + 1) * (2 * length + 1)) / 6);
    close([norm], [Math.sqrt(squares.reduce((sum, square) => sum + square, 0))], 1e-6);
    const { first } = trainable.state();
    assert.deepEqual(Object.keys(first), Object.keys(lengths));
    for (const [name, length] of Object.entries(lengths)) {
      close(weights(own)[name] as Float32Array, new Float32Array(length).fill(0.5), 1e-6, name);
      close(
        first[name] as Float32Array,
        Float32Array.from({ length }, (_, i) => 0.1 * (i + 1)),
        1e-6,
        name,
      );
    }
  });

  it('keeps as many tensors after an update as before', () => {
    const trainable = adamw(parameters(), options);
    apply(trainable, 1, 1, 0.01);
    const before = tf.memory().numTensors;
    apply(trainable, 2, 1, 0.01);
    assert.equal(tf.memory().numTensors, before);
    trainable.dispose();
    assert.equal(tf.memory().numTensors, before - 3);
  });
});

describe('valueAndGradients', () => {
  it('gives the gradients of what the loss touches, by name', () => {
    const own = parameters();
    const { value, gradients } = valueAndGradients(
      () => tf.sum(tf.square(own.gain as Parameters[string])) as Scalar,
      own,
    );
    const gain = weights(own).gain as Float32Array;
    close(value.dataSync(), [gain.reduce((sum, x) => sum + x * x, 0)], 1e-6);
    close(
      gradients.gain?.dataSync() as Float32Array,
      gain.map((x) => 2 * x),
      1e-6,
    );
    assert.equal(gradients.matrix, undefined);
  });
});
