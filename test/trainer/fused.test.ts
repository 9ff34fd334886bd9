import { equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-node';
import { headsOf } from '../../trainer/attention.ts';
import { composed } from '../../trainer/fused/composed.ts';
import { native } from '../../trainer/fused/native.ts';
import type { Heads } from '../../trainer/fused/operators.ts';
import { capture } from '../../trainer/graph/capture.ts';
import { random } from '../../trainer/random.ts';
import { tf } from '../../trainer/tf.ts';
import { close } from './support.ts';

// What our own operators compute must be what TensorFlow's compute, at widths that sixteen divides and at others.

const { normal } = random(1, 'fused operators');
const drawn = (...shape: number[]) =>
  tf.tensor(Float32Array.from({ length: shape.reduce((a, b) => a * b) }, normal), shape);

/** Where documents of drawn lengths begin in sequences: int32 [sequences, time]. */
function documentsOf(sequences: number, time: number): Tensor2D {
  const { integer } = random(time, 'documents');
  const begins = Array.from({ length: sequences }, () => {
    let begin = 0;
    return Array.from({ length: time }, (_, place) => {
      if (integer(5) === 0) begin = place;
      return begin;
    });
  });
  return tf.tensor2d(begins, [sequences, time], 'int32');
}

/** Fails unless both give tensors of the same shapes, and numbers that differ in rounding alone. */
function expectSame(found: readonly Tensor[], expected: readonly Tensor[], tolerance = 2e-6): void {
  equal(found.length, expected.length);
  for (const [index, tensor] of expected.entries()) {
    const other = found[index] as Tensor;
    equal(other.shape.join(), tensor.shape.join());
    // Of a gradient that is zero everywhere there is nothing to divide by.
    const largest = (tensor.abs().max().dataSync()[0] as number) || 1;
    close(other.div(largest).dataSync(), tensor.div(largest).dataSync(), tolerance, `result ${index}`);
  }
}

describe('the fused operators are, of TensorFlow’s own,', () => {
  for (const [rows, width] of [
    [3, 8],
    [5, 40],
    [700, 256],
  ] as const) {
    it(`the norm and its gradient, ${rows} by ${width}`, () =>
      tf.tidy(() => {
        const [x, dy, residual, gain] = [drawn(rows, width), drawn(rows, width), drawn(rows, width), drawn(width)];
        const [found, expected] = [native, composed].map((operators) => {
          const { y, r } = operators.rmsNorm(x, gain, 1e-5);
          const { dx, dGain } = operators.rmsNormGradient(dy, x, gain, r, residual);
          const alone = operators.rmsNormGradient(dy, x, gain, r);
          return [y, r, dx, dGain, alone.dx, alone.dGain];
        }) as [Tensor[], Tensor[]];
        expectSame(found, expected);
      }));

    it(`SwiGLU and its gradient, ${rows} by ${width}`, () =>
      tf.tidy(() => {
        // Far out as well, where a sigmoid is all but 0 or 1.
        const [au, dy] = [drawn(rows, 2, width).mul(20), drawn(rows, width)];
        const [found, expected] = [native, composed].map((operators) => [
          operators.swiGlu(au),
          operators.swiGluGradient(dy, au),
        ]) as [Tensor[], Tensor[]];
        expectSame(found, expected);
      }));
  }

  for (const [block, keys, group] of [
    [1, 1, 1],
    [5, 5, 2],
    [7, 30, 1],
    [128, 256, 2],
  ] as const) {
    it(`the causal softmax of ${group} times ${block} queries over ${keys} keys, and its gradient`, () =>
      tf.tidy(() => {
        const scores = drawn(2, 3, group * block, keys).mul(30);
        const dp = drawn(2, 3, group * block, keys);
        const [found, expected] = [native, composed].map((operators) => {
          const p = operators.causalSoftmax(scores, block);
          return [p, operators.causalSoftmaxGradient(p, dp, block)];
        }) as [Tensor[], Tensor[]];
        expectSame(found, expected, 5e-6);
        const total = (found[0] as Tensor).sum(3);
        close(total.dataSync(), tf.onesLike(total).dataSync(), 1e-6, 'sums of probabilities');
      }));
  }

  for (const [block, keys, group] of [
    [5, 5, 2],
    [7, 30, 1],
    [128, 256, 2],
  ] as const) {
    it(`the causal softmax within documents of ${group} times ${block} queries over ${keys} keys, and its gradient`, () =>
      tf.tidy(() => {
        const scores = drawn(2, 3, group * block, keys).mul(30);
        const dp = drawn(2, 3, group * block, keys);
        const begins = documentsOf(3, keys + 4);
        const [found, expected] = [native, composed].map((operators) => {
          const p = operators.causalSoftmax(scores, block, begins);
          return [p, operators.causalSoftmaxGradient(p, dp, block, begins)];
        }) as [Tensor[], Tensor[]];
        expectSame(found, expected, 5e-6);
        const total = (found[0] as Tensor).sum(3);
        close(total.dataSync(), tf.onesLike(total).dataSync(), 1e-6, 'sums of probabilities');
        // What a query sees is as if its document stood alone: the same bytes, and nothing of the keys before it.
        const [p, first] = [(found[0] as Tensor).dataSync(), begins.arraySync()];
        for (let row = 0; row < p.length / keys; row++) {
          const place = keys - block + (row % block);
          const begin = (first[Math.floor(row / (group * block)) % 3] as number[])[place] as number;
          equal(
            p.slice(row * keys, row * keys + begin).every((value) => value === 0),
            true,
            `row ${row}`,
          );
        }
      }));
  }

  it('rotary embeddings whose places are counted from where a document begins', () =>
    tf.tidy(() => {
      const architecture = { hidden: 24, heads: 4, kvHeads: 2, ropeTheta: 10_000 };
      const heads: Heads = { ...headsOf(architecture, 3, 9, documentsOf(3, 9)), blocks: [4, 4, 1] };
      const projected = drawn(27, 8 * 6);
      const [found, expected] = [native, composed].map((operators) => {
        const { q, k, v } = operators.splitHeads(projected, 0.3, heads);
        return [...q, k, v, operators.splitHeadsGradient({ q, k, v }, 0.3, heads)];
      }) as [Tensor[], Tensor[]];
      expectSame(found, expected);
    }));

  for (const [name, kvHeads, blocks] of [
    ['one block', 4, [9]],
    ['several blocks of grouped queries', 2, [4, 4, 1]],
  ] as const) {
    it(`the way into heads and back, with ${name}`, () =>
      tf.tidy(() => {
        const architecture = { hidden: 24, heads: 4, kvHeads, ropeTheta: 10_000 };
        const heads: Heads = { ...headsOf(architecture, 3, 9), blocks };
        const projected = drawn(27, (4 + 2 * kvHeads) * 6);
        const [found, expected] = [native, composed].map((operators) => {
          const { q, k, v } = operators.splitHeads(projected, 0.3, heads);
          const back = operators.splitHeadsGradient({ q, k, v }, 0.3, heads);
          const merged = operators.mergeHeads(q, heads);
          return [...q, k, v, back, merged, ...operators.mergeHeadsGradient(merged, heads)];
        }) as [Tensor[], Tensor[]];
        expectSame(found, expected);
      }));
  }

  it('an update of AdamW', () =>
    tf.tidy(() => {
      const size = 70_001;
      const state = { theta: drawn(size), m: drawn(size), v: drawn(size).square() };
      const [gradient, rates, clip] = [drawn(size), tf.tensor1d([1e-2, 1e-8, 0.99]), tf.scalar(0.25)];
      const [found, expected] = [native, composed].map((operators) =>
        Object.values(operators.adamW(state, gradient, rates, clip, [0.9, 0.95])),
      ) as [Tensor[], Tensor[]];
      expectSame(found, expected);
    }));
});

// In a graph an operator may write to the memory of its input, unless something else reads that too.
for (const [readers, others] of [
  ['an operator alone', 0],
  ['another as well', 1],
] as const)
  it(`an input that ${readers} reads is computed with as it was`, () => {
    const [rows, width] = [6, 24];
    const given = { x: drawn(rows, width), dy: drawn(rows, width), gain: drawn(width) };
    const [found, expected] = [native, composed].map((operators) => {
      const run = capture(({ x, dy, gain }: typeof given): Record<string, Tensor> => {
        // Made within, so that nobody holds it but who reads it here.
        const made = () => tf.add(dy, 1);
        const { r } = operators.rmsNorm(x, gain, 1e-5);
        const inputs = Array.from({ length: 5 }, made) as [Tensor, Tensor, Tensor, Tensor, Tensor];
        const [ofNorm, ofGate, ofScores, ofP, ofTheta] = inputs;
        const au = tf.add(tf.concat([x, x], 1), 1).reshape([rows, 2, width]);
        const { dx, dGain } = operators.rmsNormGradient(ofNorm, x, gain, r);
        const p = operators.causalSoftmax(ofScores, 2);
        const state = { theta: x, m: dy, v: tf.square(x) };
        const results = {
          ...{ dx, dGain, p },
          dau: operators.swiGluGradient(ofGate, au),
          ds: operators.causalSoftmaxGradient(operators.causalSoftmax(x, 2), ofP, 2),
          theta: operators.adamW(state, ofTheta, tf.tensor1d([1e-2, 1e-8, 0.9]), tf.scalar(1), [0.9, 0.9]).theta,
        };
        const again =
          others === 0 ? [] : [...inputs, au].map((tensor, index) => [`${index}`, tf.mul(tensor, 2)] as const);
        return { ...results, ...Object.fromEntries(again) };
      });
      const results = tf.tidy(() => Object.values(run(given as never)).map((tensor) => tf.keep(tensor)));
      run.dispose();
      return results;
    }) as [Tensor[], Tensor[]];
    expectSame(found, expected, 5e-6);
    tf.dispose([found, expected, Object.values(given)]);
  });

it('an operator refuses shapes that do not go together, and leaves no tensor', () => {
  const before = tf.memory().numTensors;
  for (const wrong of [
    () => native.rmsNorm(drawn(2, 3), drawn(4), 1e-5),
    () => native.swiGlu(drawn(2, 3, 4)),
    () => native.causalSoftmax(drawn(2, 3, 4), 2),
    () => native.causalSoftmax(drawn(2, 4, 4), 2, documentsOf(3, 4)),
    () => native.causalSoftmax(drawn(2, 4, 4), 2, documentsOf(2, 3)),
    () => native.mergeHeads([drawn(1, 2, 3, 4, 5)], { ...headsOf(tinyHeads, 1, 4), blocks: [4] }),
    () =>
      native.mergeHeads([drawn(4, 1, 1, 2, 6), drawn(2, 1, 1, 2, 6)], { ...headsOf(tinyHeads, 1, 4), blocks: [2, 2] }),
  ]) {
    let message = '';
    try {
      tf.tidy(() => void wrong());
    } catch (error) {
      message = (error as Error).message;
    }
    equal(/the shapes of the inputs do not go together/.test(message), true, message);
  }
  equal(tf.memory().numTensors, before);
});

const tinyHeads = { hidden: 24, heads: 4, kvHeads: 4, ropeTheta: 10_000 };
