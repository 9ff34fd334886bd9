/** Tests and intervals against brute force, against distributions that are known, and by simulation. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { corrected } from '../../../results/statistics/correction.ts';
import { correlation } from '../../../results/statistics/correlation.ts';
import { bootstrap, crossedT, type Estimate, mcnemar, signFlips } from '../../../results/statistics/paired.ts';
import { fitCurve, saturation, valueAt } from '../../../results/statistics/saturation.ts';
import { studentP, studentQuantile } from '../../../results/statistics/student.ts';
import { eachOrder, stratifiedKendall } from '../../../results/statistics/trend.ts';
import { random } from '../../../trainer/random.ts';

function ordersOf<T>(items: readonly T[]): T[][] {
  const orders: T[][] = [];
  eachOrder([...items], (order) => orders.push([...order]));
  return orders;
}

const near = (got: number, expected: number, within: number, what?: string) =>
  assert.ok(Math.abs(got - expected) <= within, `${what ?? ''} ${got} is not within ${within} of ${expected}`);

test("Student's t has the quantiles of printed tables, and its closed forms at 1 and 2 degrees of freedom", () => {
  const table: [degrees: number, p: number, t: number][] = [
    [1, 0.05, 12.7062047],
    [2, 0.05, 4.30265273],
    [3, 0.01, 5.84090931],
    [9, 0.05, 2.26215716],
    [30, 0.1, 1.69726089],
    [1000, 0.05, 1.96233908],
  ];
  for (const [degrees, p, t] of table) near(studentQuantile(p, degrees), t, 1e-6, `${degrees}`);
  fc.assert(
    fc.property(fc.double({ min: -50, max: 50, noNaN: true }), (t) => {
      near(studentP(t, 1), 1 - (2 / Math.PI) * Math.atan(Math.abs(t)), 1e-10);
      near(studentP(t, 2), 1 - Math.abs(t) / Math.sqrt(2 + t * t), 1e-10);
    }),
  );
});

test('a sign-flip test counts what a loop over all signs counts', () => {
  const differences = fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(differences, (seeds) => {
      let asLarge = 0;
      const sum = Math.abs(seeds.reduce((total, one) => total + one, 0));
      const go = (index: number, total: number): void => {
        if (index === seeds.length) asLarge += Math.abs(total) >= sum ? 1 : 0;
        else for (const sign of [1, -1]) go(index + 1, total + sign * (seeds[index] as number));
      };
      go(0, 0);
      assert.equal(signFlips(seeds, 0.05).p, asLarge / 2 ** seeds.length);
    }),
  );
});

test('of fewer than six seeds signs alone decide nothing, and have no ends', () => {
  const five = signFlips([1, 2, 3, 4, 5], 0.05);
  assert.deepEqual([five.p, five.low, five.high], [1 / 16, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]);
  const six = signFlips([1, 2, 3, 4, 5, 6], 0.05);
  assert.equal(six.p, 1 / 32);
  assert.ok(six.low >= 1 && six.high <= 6);
});

test('McNemar: the two-sided binomial test of a fair coin', () => {
  fc.assert(
    fc.property(fc.nat(14), fc.nat(14), (one, other) => {
      const count = one + other;
      const least = Math.min(one, other);
      let tosses = 0;
      for (let way = 0; way < 2 ** Math.min(count, 20); way += 1) {
        if (count > 20) return;
        const heads = way.toString(2).replaceAll('0', '').length;
        if (heads <= least) tosses += 1;
      }
      near(mcnemar(one, other), Math.min(1, (2 * tosses) / 2 ** count), 1e-9);
    }),
    { numRuns: 12 },
  );
});

test("without problems the crossed t is the paired t-test: Student's own data on sleep", () => {
  const differences = [1.2, 2.4, 1.3, 1.3, 0, 1, 1.8, 0.8, 4.6, 1.4];
  const { value, low, high, p } = crossedT({ seeds: differences, tasks: [] }, 0.05);
  near(value, 1.58, 1e-12);
  near(low, 0.7001142, 1e-6);
  near(high, 2.4598858, 1e-6);
  near(p, 0.00283289, 1e-7);
});

test('differences that are all the same are not certain: their signs decide', () => {
  assert.equal(crossedT({ seeds: [0.2, 0.2, 0.2], tasks: [] }, 0.05).p, 0.25);
  assert.equal(crossedT({ seeds: [0, 0, 0], tasks: [] }, 0.05).p, 1);
  // Perplexities, whose differences are the same but for the last digits of what they were taken from.
  const large = [9.1, 1_023.9, 123_456.7].map((over) => over + 0.3 - over);
  assert.ok(new Set(large).size > 1);
  assert.equal(crossedT({ seeds: large, tasks: [] }, 0.05).p, 0.25);
  assert.equal(bootstrap({ seeds: [0.2, 0.2, 0.2], tasks: [] }, 0.05).p, 0.25, 'and there is nothing to resample');
  assert.equal(bootstrap({ seeds: [0, 0], tasks: [] }, 0.05).p, 1);
});

/** How often intervals of 95 % hold the true effect, where seeds and problems both vary. */
function coverage(
  seeds: number,
  interval: (differences: Parameters<typeof crossedT>[0]) => Estimate,
  { ofSeeds = 0.03, ofProblems = 0.2, problems = 40, rounds = 400, known = true } = {},
): number {
  const noise = random(7, 'coverage', seeds);
  let held = 0;
  for (let round = 0; round < rounds; round += 1) {
    const bySeed = Array.from({ length: seeds }, () => ofSeeds * noise.normal());
    const task = Array.from({ length: problems }, () => {
      const own = ofProblems * noise.normal();
      return bySeed.map((one) => 0.1 + one + own + 0.3 * noise.normal());
    });
    const means = bySeed.map((_, seed) => task.reduce((sum, of) => sum + (of[seed] as number), 0) / problems);
    const { low, high } = interval({ seeds: means, tasks: known ? [task] : [] });
    if (low <= 0.1 && 0.1 <= high) held += 1;
  }
  return held / rounds;
}

test('the intervals of the crossed t hold the truth as often as they say, of three seeds and of eight', () => {
  for (const seeds of [3, 8]) {
    const held = coverage(seeds, (differences) => crossedT(differences, 0.05));
    assert.ok(held >= 0.925, `${seeds} seeds: ${held}`);
  }
  const ofSeeds = coverage(3, (differences) => crossedT(differences, 0.05), { ofSeeds: 0.2 });
  near(ofSeeds, 0.95, 0.035);
});

test('a t over seeds alone is too sure of problems that all seeds share, and the p of a bootstrap of three seeds', () => {
  assert.ok(coverage(8, (differences) => crossedT(differences, 0.05), { known: false }) < 0.9);
  assert.ok(bootstrap({ seeds: [0.1, 0.11, 0.12], tasks: [] }, 0.05).p < 0.001, 'three seeds that agree');
});

test('of nothing, the tests find something as often as alpha says', () => {
  const noise = random(11, 'null');
  const rounds = 2000;
  let [byT, bySigns] = [0, 0];
  for (let round = 0; round < rounds; round += 1) {
    const seeds = Array.from({ length: 7 }, () => noise.normal());
    if (crossedT({ seeds, tasks: [] }, 0.05).p < 0.05) byT += 1;
    if (signFlips(seeds, 0.05).p < 0.05) bySigns += 1;
  }
  near(byT / rounds, 0.05, 0.015);
  // 3 of 64 pairs of signs are fewer than 0.05: an exact test keeps below it.
  assert.ok(bySigns / rounds <= 0.06, `${bySigns / rounds}`);
});

test("Kendall's S has the distribution of all orders, of one series and of two", () => {
  const orders = ordersOf([1, 2, 3, 4]).map(String);
  assert.equal(new Set(orders).size, 24);
  assert.deepEqual(stratifiedKendall([{ x: [1, 2, 3, 4], y: [1, 2, 3, 4] }]), { tau: 1, p: 2 / 24 });
  const values = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 3, maxLength: 4 });
  const x = [1, 2, 4, 8];
  const score = (y: readonly number[]) =>
    y.reduce((sum, one, i) => sum + y.slice(0, i).reduce((part, before) => part + Math.sign(one - before), 0), 0);
  fc.assert(
    fc.property(values, values, (one, other) => {
      const seen = score(one) + score(other);
      const all = ordersOf(one).map(score);
      const both = ordersOf(other)
        .map(score)
        .flatMap((second) => all.map((first) => first + second));
      const asLarge = both.filter((sum) => Math.abs(sum) >= Math.abs(seen)).length;
      const trend = stratifiedKendall([one, other].map((y) => ({ x: x.slice(0, y.length), y })));
      near(trend.p, asLarge / both.length, 1e-9);
    }),
    { numRuns: 40 },
  );
});

test('a saturation point is found where it was put, and nowhere on a straight line', () => {
  const x = [20, 40, 80, 160, 320];
  const curve = { first: 20, limit: 0.3, rise: 0.2, scale: 40 };
  const found = fitCurve(
    x,
    x.map((at) => valueAt(curve, at)),
  );
  near(found.scale, 40, 0.1);
  near(found.limit, 0.3, 1e-4);
  const noise = random(3, 'saturation');
  const truth = 20 + 40 * Math.log(20);
  let held = 0;
  for (let round = 0; round < 40; round += 1) {
    const y = () => x.map((at) => valueAt(curve, at) + 0.004 * noise.normal());
    const { low, high } = saturation(
      [1, 2, 3].map(() => ({ x, y: y() })),
      0.05,
      0.05,
    );
    if (low <= truth && truth <= high) held += 1;
  }
  assert.ok(held / 40 >= 0.85, `${held} of 40 intervals hold ${truth}`);
  const line = saturation([{ x, y: x.map((at) => at / 1000) }], 0.05, 0.05);
  assert.ok(line.point > 320 && line.low > 320, `${line.point}`);
  assert.ok(Number.isNaN(saturation([{ x, y: x.map((at) => -at) }], 0.05, 0.05).point), 'what falls has none');
});

test('correlations: known values, ranks that ties share, and p of all orders', () => {
  const pearson = correlation([1, 2, 3, 4, 5], [2, 1, 4, 3, 5], 'pearson', 0.05);
  near(pearson.value, 0.8, 1e-12);
  near(pearson.low, Math.tanh(Math.atanh(0.8) - 1.959964 / Math.SQRT2), 1e-6);
  near(pearson.p, 16 / 120, 1e-12);
  near(correlation([1, 2, 3, 4], [1, 10, 100, 1000], 'spearman', 0.05).value, 1, 1e-12);
  near(correlation([1, 2, 3, 4], [1, 10, 100, 1000], 'spearman', 0.05).p, 2 / 24, 1e-12);
  assert.ok(Number.isNaN(correlation([1, 1, 1], [1, 2, 3], 'pearson', 0.05).p));
});

test('p of a correlation does not hang on where the figures lie, and fewer than four models have no interval', () => {
  const [x, y] = [
    [1, 2, 3, 4],
    [5, 1, 7, 9],
  ];
  for (const kind of ['pearson', 'spearman'] as const) {
    const { value, p } = correlation(x, y, kind, 0.05);
    const far = correlation(
      x.map((one) => 0.001 * one - 7),
      y.map((one) => 0.001 * one + 0.5),
      kind,
      0.05,
    );
    near(far.value, value, 1e-9);
    assert.equal(far.p, p, kind);
  }
  const three = correlation([1, 2, 3], [1, 2, 4], 'pearson', 0.05);
  assert.ok(Number.isNaN(three.low) && Number.isNaN(three.high), `${three.low} to ${three.high}`);
  assert.ok(three.value > 0.9);
  assert.ok(Number.isNaN(correlation([1, 2], [1, 2], 'pearson', 0.05).low), 'of two models any r is 1');
});

test('Holm and Benjamini-Hochberg: a worked example, and what no test was counts for nothing', () => {
  const values = [0.01, 0.04, Number.NaN, 0.03, 0.005];
  const close = (got: number[], expected: number[]) => {
    for (const [index, one] of got.entries())
      if (Number.isNaN(one)) assert.ok(Number.isNaN(expected[index]));
      else near(one, expected[index] as number, 1e-12);
  };
  close(corrected(values, 'holm'), [0.03, 0.06, Number.NaN, 0.06, 0.02]);
  close(corrected(values, 'benjamini-hochberg'), [0.02, 0.04, Number.NaN, 0.04, 0.02]);
  const some = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 9 });
  fc.assert(
    fc.property(some, (ps) => {
      const [holm, bh] = [corrected(ps, 'holm'), corrected(ps, 'benjamini-hochberg')];
      for (const [index, p] of ps.entries()) {
        // As told by their steps: Holm rejects p(i) while all p(j) ≤ alpha/(m - j + 1), j ≤ i.
        const below = ps.filter((other) => other < p).length;
        assert.ok((holm[index] as number) >= p && (bh[index] as number) >= p - 1e-15);
        assert.ok((holm[index] as number) >= Math.min(1, (ps.length - below) * p) - 1e-12);
        assert.ok((bh[index] as number) <= (holm[index] as number) + 1e-12);
      }
    }),
  );
});
