import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { clusteredMean, meanScore, proportion, unweightedMean } from '../../trainer/statistics.ts';

const close = (actual: number, expected: number, tolerance = 1e-9) =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected} within ${tolerance}`);

describe('proportion', () => {
  it('gives published Wilson intervals', () => {
    // Newcombe 1998 (Statistics in Medicine 17, table I), method 3: the score interval without continuity correction.
    for (const [successes, n, low, high] of [
      [81, 263, 0.2553, 0.3662],
      [15, 148, 0.0624, 0.1605],
      [0, 20, 0, 0.1611],
      [1, 29, 0.0061, 0.1718],
    ] as const) {
      const estimate = proportion(successes, n);
      close(estimate.low, low, 5e-5);
      close(estimate.high, high, 5e-5);
      assert.equal(estimate.value, successes / n);
      assert.equal(estimate.n, n);
    }
  });

  const counts = fc
    .integer({ min: 1, max: 5000 })
    .chain((n) => fc.tuple(fc.integer({ min: 0, max: n }), fc.constant(n)));

  it('holds its value, stays in [0, 1] and mirrors when successes and failures change places', () => {
    fc.assert(
      fc.property(counts, ([successes, n]) => {
        const { value, low, high } = proportion(successes, n);
        const mirrored = proportion(n - successes, n);
        assert.ok(0 <= low && low <= value && value <= high && high <= 1 && low < high);
        close(1 - mirrored.high, low);
        close(1 - mirrored.low, high);
      }),
    );
  });

  it('ends where the score test just does not reject', () => {
    fc.assert(
      fc.property(counts, ([successes, n]) => {
        const { value, low, high } = proportion(successes, n);
        for (const p of [low, high]) {
          if (p > 0 && p < 1) close(Math.abs(value - p) / Math.sqrt((p * (1 - p)) / n), 1.959964, 1e-4);
        }
      }),
    );
  });

  it('refuses what is no proportion', () => {
    for (const [successes, n] of [
      [0, 0],
      [2, 1],
      [-1, 3],
      [0.5, 2],
      [Number.NaN, 2],
    ] as const) {
      assert.throws(() => proportion(successes, n), RangeError);
    }
  });
});

describe('meanScore', () => {
  const scoresIn01 = fc.array(fc.constantFrom(0, 0.25, 0.5, 0.75, 1), { minLength: 1, maxLength: 40 });

  it('is a proportion with its interval, where scores are 0 or 1', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }), (right) => {
        const scores = meanScore(right.map(Number));
        const counted = proportion(right.filter(Boolean).length, right.length);
        close(scores.value, counted.value);
        close(scores.low, counted.low, 1e-3 + 0.5 / right.length);
        close(scores.high, counted.high, 1e-3 + 0.5 / right.length);
      }),
    );
  });

  it('comes to the mean ± 1.96 standard errors where there are many scores', () => {
    // A thousand times 0, 0.5, 1, 0.5: variance 1/8, standard error sqrt(1/8 / 4000).
    const { value, n, low, high } = meanScore(Array.from({ length: 1000 }, () => [0, 0.5, 1, 0.5]).flat());
    assert.deepEqual([value, n], [0.5, 4000]);
    close(low, 0.5 - 1.959964 * Math.sqrt(1 / 32_000), 1e-4);
    close(high, 0.5 + 1.959964 * Math.sqrt(1 / 32_000), 1e-4);
  });

  it('stays inside [0, 1], holds the value, and never collapses to a point', () => {
    fc.assert(
      fc.property(scoresIn01, (scores) => {
        const { value, low, high } = meanScore(scores);
        assert.ok(0 <= low && low <= value && value <= high && high <= 1, `${low} ${value} ${high}`);
        assert.ok(high - low > 1e-3);
      }),
    );
    assert.throws(() => meanScore([]), RangeError);
  });
});

describe('clusteredMean', () => {
  it('equals the plain mean ± 1.96 standard errors when every cluster has one item', () => {
    fc.assert(
      fc.property(fc.array(fc.float({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 30 }), (scores) => {
        const n = scores.length;
        const mean = scores.reduce((sum, score) => sum + score, 0) / n;
        const variance = scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / (n - 1);
        const clustered = clusteredMean(scores.map((sum) => ({ sum, count: 1 })));
        close(clustered.value, mean);
        close(clustered.low, mean - 1.959964 * Math.sqrt(variance / n), 1e-6);
        close(clustered.high, mean + 1.959964 * Math.sqrt(variance / n), 1e-6);
      }),
    );
  });

  it('weighs clusters by their items, and is no narrower when items repeat inside a cluster', () => {
    // Two clusters of means 1 (2 items) and 4 (4 items): mean 18/6 = 3; residuals -4 and 4; half = 1.96/6 * sqrt(2*32).
    const { value, n, low } = clusteredMean([
      { sum: 2, count: 2 },
      { sum: 16, count: 4 },
    ]);
    assert.deepEqual([value, n], [3, 6]);
    close(low, 3 - (1.959964 / 6) * 8, 1e-6);
    const once = clusteredMean([
      { sum: 1, count: 1 },
      { sum: 2, count: 1 },
      { sum: 4, count: 1 },
    ]);
    const tenTimes = clusteredMean([
      { sum: 10, count: 10 },
      { sum: 20, count: 10 },
      { sum: 40, count: 10 },
    ]);
    close(tenTimes.low, once.low);
    assert.throws(() => clusteredMean([{ sum: 1, count: 3 }]), RangeError);
  });
});

describe('unweightedMean', () => {
  it('of symmetric intervals adds their squares', () => {
    const { value, n, low, high } = unweightedMean([
      { value: 1, n: 10, low: 0.7, high: 1.3 },
      { value: 3, n: 20, low: 2.6, high: 3.4 },
    ]);
    assert.deepEqual([value, n], [2, 30]);
    close(low, 1.75);
    close(high, 2.25);
  });

  it('keeps Wilson intervals inside [0, 1] and around the mean', () => {
    const proportions = fc.array(
      fc.integer({ min: 1, max: 300 }).chain((n) => fc.integer({ min: 0, max: n }).map((c) => proportion(c, n))),
      { minLength: 1, maxLength: 6 },
    );
    fc.assert(
      fc.property(proportions, (estimates) => {
        const { value, low, high } = unweightedMean(estimates);
        assert.ok(-1e-12 <= low && low <= value && value <= high && high <= 1 + 1e-12);
      }),
    );
    const one = proportion(3, 10);
    const mean = unweightedMean([one]);
    close(mean.low, one.low);
    close(mean.high, one.high);
    assert.throws(() => unweightedMean([]), RangeError);
  });
});
