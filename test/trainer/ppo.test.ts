import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import fc from 'fast-check';
import { klEstimates } from '../../trainer/algorithms/kl.ts';
import { explainedVariance, valueLoss } from '../../trainer/algorithms/ppo.ts';
import { generalisedAdvantages } from '../../trainer/algorithms/returns.ts';
import { tokenRewards } from '../../trainer/algorithms/rewards.ts';
import { clippedTokens, surrogateLoss } from '../../trainer/algorithms/surrogate.ts';
import { whiten } from '../../trainer/algorithms/whiten.ts';
import { entropy } from '../../trainer/policy.ts';
import { tf } from '../../trainer/tf.ts';
import { close } from './support.ts';

/** One bound below and above, and no dual clip. */
const clips = (clipRatio: number) => ({ clipRatio, clipRatioHigh: clipRatio, dualClip: 0 });

const at = (values: ArrayLike<number>, index: number) => values[index] as number;

const number = fc.integer({ min: -3000, max: 3000 }).map((thousandths) => thousandths / 1000);
/** A response of 1 to 12 tokens: a reward and a value for each. */
const response = fc.integer({ min: 1, max: 12 }).chain((length) =>
  fc.record({
    rewards: fc.array(number, { minLength: length, maxLength: length }),
    values: fc.array(number, { minLength: length, maxLength: length }),
  }),
);

/** Asserts that sums over a response agree, relative to what was added up: where that cancels out its rounding remains. */
function closeSums(
  actual: ArrayLike<number>,
  expected: readonly number[],
  { rewards, values }: { rewards: readonly number[]; values: readonly number[] },
): void {
  const added = [...rewards, ...values];
  close([...Array.from(actual), ...added], [...expected, ...added]);
}

const batch = fc.array(response, { minLength: 1, maxLength: 6 });

describe('token rewards', () => {
  it('take the k1 KL from every token and put the score on the last', () => {
    const kl = klEstimates(Float32Array.of(-1, -2, -0.5), Float32Array.of(-1.5, -1, -0.5), 'k1');
    close(kl, [0.5, -1, 0]);
    close(tokenRewards(1, kl, 0.1), [-0.05, 0.1, 1]);
    close(tokenRewards(1, kl, 0), [0, 0, 1]);
    close(kl, [0.5, -1, 0]);
  });
});

describe('generalised advantage estimation', () => {
  const factor = fc.double({ min: 0, max: 1, noNaN: true });

  it('equals its definition as a discounted sum of temporal differences', () => {
    fc.assert(
      fc.property(response, factor, factor, ({ rewards, values }, gamma, lambda) => {
        const deltas = rewards.map((reward, t) => reward + gamma * (values[t + 1] ?? 0) - (values[t] as number));
        const expected = deltas.map((_, t) =>
          deltas.slice(t).reduce((sum, delta, l) => sum + (gamma * lambda) ** l * delta, 0),
        );
        const { advantages, returns } = generalisedAdvantages(
          Float32Array.from(rewards),
          Float32Array.from(values),
          gamma,
          lambda,
        );
        closeSums(advantages, expected, { rewards, values });
        closeSums(
          returns,
          expected.map((advantage, t) => advantage + (values[t] as number)),
          { rewards, values },
        );
      }),
    );
  });

  it('equals the masked recursion over padded rows, whatever stands in the padding', () => {
    fc.assert(
      fc.property(batch, factor, factor, (responses, gamma, lambda) => {
        const width = 15;
        for (const { rewards, values } of responses) {
          // The recursion of verl's compute_gae_advantage_return: padding leaves the carried value and advantage alone.
          const mask = Array.from({ length: width }, (_, t) => (t < rewards.length ? 1 : 0));
          const expected = Array<number>(width).fill(0);
          let nextValue = 0;
          let last = 0;
          for (let t = width - 1; t >= 0; t--) {
            const [reward, value, m] = [rewards[t] ?? 7, values[t] ?? -5, mask[t] ?? 0];
            const advantage = reward + gamma * nextValue - value + gamma * lambda * last;
            nextValue = value * m + nextValue * (1 - m);
            last = advantage * m + last * (1 - m);
            expected[t] = last;
          }
          const { advantages } = generalisedAdvantages(
            Float32Array.from(rewards),
            Float32Array.from(values),
            gamma,
            lambda,
          );
          closeSums(advantages, expected.slice(0, rewards.length), { rewards, values });
        }
      }),
    );
  });

  it('is return minus value when gamma and lambda are 1', () => {
    const { advantages, returns } = generalisedAdvantages(
      Float32Array.of(0, 0, 1),
      Float32Array.of(0.2, 0.5, 0.9),
      1,
      1,
    );
    close(returns, [1, 1, 1]);
    close(advantages, [0.8, 0.5, 0.1]);
  });
});

describe('whitening', () => {
  it('is over all tokens of all responses, with Bessel’s correction', () => {
    // 1, 2, 3, 6: mean 3, sum of squares 14, sample variance 14/3.
    const deviation = Math.sqrt(14 / 3);
    const whitened = whiten([Float32Array.of(1, 6), Float32Array.of(2, 3)]);
    close(
      whitened.flatMap((advantages) => [...advantages]),
      [-2, 3, -1, 0].map((x) => x / deviation),
    );
  });

  it('leaves mean 0 and variance 1, keeps the order, and does not mind equal advantages or a single one', () => {
    fc.assert(
      fc.property(batch, (responses) => {
        const before = responses.map(({ rewards }) => Float32Array.from(rewards));
        const after = whiten(before).flatMap((advantages) => [...advantages]);
        const flat = before.flatMap((advantages) => [...advantages]);
        const mean = after.reduce((a, b) => a + b, 0) / after.length;
        assert.ok(Math.abs(mean) < 1e-3, `mean ${mean}`);
        if (Math.max(...flat) - Math.min(...flat) > 0.1) {
          const variance = after.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (after.length - 1);
          assert.ok(Math.abs(variance - 1) < 1e-3, `variance ${variance}`);
        }
        const slope = (values: number[], i: number) => Math.sign((values[i] ?? 0) - (values[i - 1] ?? 0));
        for (let i = 1; i < flat.length; i++) assert.ok(slope(flat, i) * slope(after, i) >= 0);
      }),
    );
    assert.deepEqual(whiten([Float32Array.of(4, 4), Float32Array.of(4)]), [Float32Array.of(0, 0), Float32Array.of(0)]);
    assert.deepEqual(whiten([Float32Array.of(4)]), [Float32Array.of(0)]);
  });
});

describe('explained variance', () => {
  const returns = [Float32Array.of(1, 0), Float32Array.of(1, 0)];
  it('is 1 for a perfect critic, 0 for a constant one, below 0 for a worse one', () => {
    assert.equal(explainedVariance(returns, returns), 1);
    assert.equal(explainedVariance(returns, [Float32Array.of(0.3, 0.3), Float32Array.of(0.3, 0.3)]), 0);
    assert.equal(explainedVariance(returns, [Float32Array.of(0, 1), Float32Array.of(0, 1)]), -3);
    assert.equal(explainedVariance([Float32Array.of(1, 1)], [Float32Array.of(0, 1)]), 0);
  });
});

describe('the policy loss', () => {
  // ratio, advantage, loss, clipped: the four sides of figure 1 of the PPO paper, and inside the range.
  const cases = [
    [1.5, 2, -2.4, 1],
    [0.5, 2, -1, 0],
    [1.5, -2, 3, 0],
    [0.5, -2, 1.6, 1],
    [1.1, 2, -2.2, 0],
    [1, -3, 3, 0],
  ] as const;
  const column = (index: number) => tf.tensor1d(cases.map((row) => row[index] as number));

  it('is clipped only where clipping makes it worse', () => {
    const old = tf.fill([cases.length], -1) as Tensor1D;
    const logProbs = tf.add(old, tf.log(column(0))) as Tensor1D;
    close(surrogateLoss(logProbs, old, column(1), clips(0.2)).dataSync(), column(2).dataSync());
    close(clippedTokens(logProbs, old, column(1), clips(0.2)).clipFraction.dataSync(), column(3).dataSync());
  });

  it('has no gradient where it is clipped, and that of -A * ratio elsewhere', () => {
    const old = tf.fill([cases.length], -1) as Tensor1D;
    const logProbs = tf.add(old, tf.log(column(0))) as Tensor1D;
    const gradient = tf.grad((x: Tensor) => tf.sum(surrogateLoss(x as Tensor1D, old, column(1), clips(0.2))))(logProbs);
    close(
      gradient.dataSync(),
      cases.map(([ratio, advantage, , clipped]) => (clipped ? 0 : -advantage * ratio)),
    );
  });

  it('stays finite for a token that became impossible', () => {
    const loss = surrogateLoss(
      tf.tensor1d([-200, 0]),
      tf.tensor1d([0, -200]),
      tf.tensor1d([-1, -1]),
      clips(0.2),
    ).dataSync();
    assert.ok(loss.every(Number.isFinite), String(loss));
  });

  it('and the entropy have the gradient that finite differences find, through the softmax', () => {
    const [rows, vocab, clipRatio, entropyCoef] = [5, 4, 0.2, 0.3];
    const logits = Array.from({ length: rows * vocab }, (_, i) => 1.5 * Math.sin(2.3 * i + 1));
    const targets = [0, 3, 1, 2, 3];
    const advantages = [1, -0.5, 2, -2, 0.7];
    // Ratios well inside and well outside the clip range, so that no difference quotient straddles a kink.
    const ratios = [1.05, 0.9, 1.6, 0.5, 0.6];
    const logSoftmax = (row: number[]) => {
      const norm = Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0));
      return row.map((x) => x - norm);
    };
    const split = (flat: number[]) => Array.from({ length: rows }, (_, r) => flat.slice(r * vocab, (r + 1) * vocab));
    const old = split(logits).map((row, r) => at(logSoftmax(row), at(targets, r)) - Math.log(at(ratios, r)));

    /** The whole loss in double precision, without TensorFlow. */
    const lossOf = (flat: number[]): number => {
      let total = 0;
      split(flat).forEach((row, r) => {
        const logProbs = logSoftmax(row);
        const ratio = Math.exp(at(logProbs, at(targets, r)) - at(old, r));
        const near = Math.min(Math.max(ratio, 1 - clipRatio), 1 + clipRatio);
        total += Math.max(-at(advantages, r) * ratio, -at(advantages, r) * near);
        total += entropyCoef * logProbs.reduce((sum, l) => sum + Math.exp(l) * l, 0);
      });
      return total / rows;
    };
    const step = 1e-5;
    const differences = logits.map((_, i) => {
      const moved = (by: number) => lossOf(logits.map((x, j) => (j === i ? x + by : x)));
      return (moved(step) - moved(-step)) / (2 * step);
    });

    const loss = (x: Tensor2D) => {
      const picked = tf.sum(tf.mul(tf.oneHot(targets, vocab), tf.logSoftmax(x)), -1) as Tensor1D;
      const surrogate = tf.mean(surrogateLoss(picked, tf.tensor1d(old), tf.tensor1d(advantages), clips(clipRatio)));
      return tf.sub(surrogate, tf.mul(entropyCoef, tf.mean(entropy(x)))) as Tensor1D;
    };
    const x = tf.tensor2d(logits, [rows, vocab]);
    close(loss(x).dataSync(), [lossOf(logits)]);
    close(
      tf
        .grad((y: Tensor) => loss(y as Tensor2D))(x)
        .dataSync(),
      differences,
      1e-4,
    );
  });
});

describe('the value loss', () => {
  it('takes the larger of the free and the clipped error', () => {
    const values = tf.tensor1d([1, 1, 0, 0.3]);
    const old = tf.tensor1d([0, 0, 0, 0.2]);
    const returns = tf.tensor1d([1, 0, 1, 1]);
    // Clipped to within 0.5 of the old value: 0.5, 0.5, 0, 0.3.
    close(valueLoss(values, old, returns, 0.5).dataSync(), [0.5 * 0.25, 0.5 * 1, 0.5 * 1, 0.5 * 0.49]);
    const gradient = tf.grad((v: Tensor) => tf.sum(valueLoss(v as Tensor1D, old, returns, 0.5)))(values);
    close(gradient.dataSync(), [0, 1, -1, -0.7]);
  });
});

describe('entropy', () => {
  it('is ln V for equal logits, near 0 for a sure choice, and the definition between', () => {
    const rows = tf.tensor2d([
      [2, 2, 2, 2],
      [50, 0, 0, 0],
      [0, Math.log(3), -1e4, -1e4],
    ]);
    close(entropy(rows).dataSync(), [Math.log(4), 0, -(0.25 * Math.log(0.25) + 0.75 * Math.log(0.75))]);
  });
});
