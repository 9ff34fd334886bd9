import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Tensor } from '@tensorflow/tfjs-node';
import { rotaryTable } from '../../trainer/attention.ts';
import { composed } from '../../trainer/decode/composed.ts';
import { native } from '../../trainer/decode/native.ts';
import { random } from '../../trainer/random.ts';
import { tf } from '../../trainer/tf.ts';
import { close } from './support.ts';

// What decoding's own operators compute must be what TensorFlow's compute, of numbers of tokens that sixteen divides and of
// others.

const { normal, integer } = random(1, 'operators of decoding');
const drawn = (...shape: number[]) =>
  tf.tensor(Float32Array.from({ length: shape.reduce((a, b) => a * b) }, normal), shape);
const whole = (count: number, below: number) =>
  tf.tensor1d(
    Int32Array.from({ length: count }, () => integer(below)),
    'int32',
  );

/** Fails unless both are of one shape, and numbers that differ in rounding alone. */
function expectSame(found: Tensor, expected: Tensor, what: string): void {
  assert.deepEqual(found.shape, expected.shape);
  const largest = expected.abs().max().dataSync()[0] as number;
  close(found.div(largest).dataSync(), expected.div(largest).dataSync(), 3e-6, what);
}

describe('the operators of decoding are, of TensorFlow’s own,', () => {
  for (const [out, width, count] of [
    [6, 4, 1],
    [30, 40, 5],
    [48, 96, 16],
    [250, 70, 24],
    [200, 33, 75],
  ] as const) {
    it(`products of a weight, ${out} by ${width}, and ${count} columns`, () =>
      tf.tidy(() => {
        const [weight, x, residual] = [drawn(out, width), drawn(width, count), drawn(out, count)];
        for (const epsilon of [0, 1e-5]) {
          const [one, other] = [native, composed].map(({ product, gatedProduct }) => [
            product(weight, x, epsilon),
            product(weight, x, epsilon, residual),
            gatedProduct(weight, x, epsilon),
          ]) as [Tensor[], Tensor[]];
          for (const [i, expected] of other.entries())
            expectSame(one[i] as Tensor, expected, `${i}, epsilon ${epsilon}`);
        }
      }));
  }

  for (const [heads, kvHeads, headSize, slots] of [
    [2, 2, 6, 3],
    [4, 2, 24, 5],
    [2, 1, 88, 2],
  ] as const) {
    it(`attention of ${heads} heads of ${headSize} numbers to a cache, which both write to`, () =>
      tf.tidy(() => {
        const capacity = 40;
        const rotary = rotaryTable(capacity, headSize, 10_000);
        const begun = [drawn(kvHeads, slots, 39, headSize), drawn(kvHeads, slots, 39, headSize)] as const;
        const latest = drawn((heads + 2 * kvHeads) * headSize, slots);
        const places = tf.tensor1d([0, 39, 17, 3, 31].slice(0, slots), 'int32');
        const [one, other] = [native, composed].map(({ room, fill, attend }) => {
          // Zeros, so that caches can be compared where nothing was written.
          const [keys, values] = begun.map((prompts) => {
            const cached = tf.keep(tf.zeros([kvHeads, slots, capacity, headSize]));
            fill(cached, tf.range(0, slots, 1, 'int32').reverse() as Tensor, prompts);
            return cached;
          }) as [Tensor, Tensor];
          assert.deepEqual(room([1, 2, 3, 4]).shape, [1, 2, 3, 4]);
          return [attend(latest, { keys, values }, places, rotary), keys, values];
        }) as [Tensor[], Tensor[]];
        for (const [i, expected] of other.entries()) expectSame(one[i] as Tensor, expected, `result ${i}`);
        tf.dispose([one.slice(1), other.slice(1)]);
      }));
  }

  it('rows of a table as columns, and the likeliest of scores, the first of several', () =>
    tf.tidy(() => {
      const [table, rows] = [drawn(11, 7), whole(19, 11)];
      expectSame(native.columnsOf(table, rows), composed.columnsOf(table, rows), 'columns');
      const scores = drawn(50, 19).mul(3).round();
      const [one, other] = [native.likeliest(scores), composed.likeliest(scores)];
      assert.deepEqual(one.tokens.dataSync(), other.tokens.dataSync());
      expectSame(one.logProbs, other.logProbs, 'ln p');
    }));
});

it('a column is the same to the last bit whatever stands beside it', () =>
  tf.tidy(() => {
    const [weight, x] = [drawn(50, 64), drawn(64, 75)];
    const all = native.product(weight, x, 1e-5);
    for (const [from, count] of [
      [0, 1],
      [10, 20],
      [43, 32],
    ] as const) {
      const some = native.product(weight, x.slice([0, from], [64, count]), 1e-5);
      assert.deepEqual(some.dataSync(), all.slice([0, from], [50, count]).dataSync());
    }
  }));

it('operators of decoding refuse shapes that do not go together, and places that there are not', () => {
  const cache = () => ({ keys: drawn(1, 2, 4, 6), values: drawn(1, 2, 4, 6) });
  const rotary = rotaryTable(4, 6, 10_000);
  for (const wrong of [
    () => native.product(drawn(4, 3), drawn(2, 5), 0),
    () => native.product(drawn(4, 3), drawn(3, 5), 0, drawn(4, 4)),
    () => native.gatedProduct(drawn(3, 3), drawn(3, 5), 0),
    () => native.columnsOf(drawn(4, 3), tf.tensor1d([4], 'int32')),
    () => native.attend(drawn(18, 2), cache(), tf.tensor1d([0, 4], 'int32'), rotary),
    () => native.fill(drawn(1, 2, 4, 6), tf.tensor1d([2], 'int32'), drawn(1, 1, 2, 6)),
  ]) {
    assert.throws(() => tf.tidy(() => void wrong()), /the shapes of the inputs do not go together/);
  }
});
