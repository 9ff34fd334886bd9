import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { add, div, mul } from '../../trainer/kernels.ts';
import { tf } from '../../trainer/tf.ts';

describe('a number that an operator is called with', () => {
  it('is not taken for another one that JSON writes alike', () => {
    const one = tf.scalar(1);
    const sums = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map(
      (number) => add(one, number).dataSync()[0],
    );
    assert.deepEqual(sums, [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
    const shares = [0, -0].map((zero) => div(one, zero).dataSync()[0]);
    assert.deepEqual(shares, [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
  });

  it('is made a tensor once', () => {
    const one = tf.scalar(1);
    for (const number of [2.5, -0, Number.NaN]) {
      mul(one, number).dispose();
      const before = tf.memory().numTensors;
      mul(one, number).dispose();
      assert.equal(tf.memory().numTensors, before);
    }
  });
});
