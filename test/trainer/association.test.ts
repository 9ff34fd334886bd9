import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Scored, scoreAuc, scoreCorrelation } from '../../trainer/association.ts';
import { random } from '../../trainer/random.ts';

const scored = fc.record({ score: fc.integer({ min: -4, max: 4 }), correct: fc.boolean() });
const problems = fc.array(fc.array(scored, { minLength: 1, maxLength: 5 }), { minLength: 2, maxLength: 12 });

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** By its definition: the covariance over the product of the deviations. */
function pearson(all: readonly Scored[]): number {
  const [x, y] = [all.map(({ score }) => score), all.map(({ correct }) => Number(correct))];
  const [mx, my] = [mean(x), mean(y)];
  const spread = (values: number[], centre: number) => Math.sqrt(mean(values.map((value) => (value - centre) ** 2)));
  return mean(x.map((value, i) => (value - mx) * ((y[i] as number) - my))) / (spread(x, mx) * spread(y, my));
}

/** By its definition: the share of pairs of a right and a wrong response that are in order. */
function auc(all: readonly Scored[]): number {
  const pairs = all.flatMap((right) =>
    all.filter(({ correct }) => right.correct && !correct).map((wrong) => [right.score, wrong.score] as const),
  );
  return mean(pairs.map(([right, wrong]) => (right > wrong ? 1 : right === wrong ? 0.5 : 0)));
}

describe('how scores go with being right', () => {
  it('is what its definition says, with an interval around it and within its bounds', () => {
    fc.assert(
      fc.property(problems, (given) => {
        const all = given.flat();
        const [correlation, area] = [scoreCorrelation(given), scoreAuc(given)];
        const varies = (of: (each: Scored) => unknown) => new Set(all.map(of)).size > 1;
        assert.equal(correlation !== undefined, varies(({ score }) => score) && varies(({ correct }) => correct));
        assert.equal(
          area !== undefined,
          varies(({ correct }) => correct),
        );
        for (const [found, wanted, least] of [
          [correlation, pearson, -1],
          [area, auc, 0],
        ] as const) {
          if (found === undefined) continue;
          assert.ok(Math.abs(found.value - wanted(all)) < 1e-9, `${found.value}, expected ${wanted(all)}`);
          assert.equal(found.n, all.length);
          assert.ok(least <= found.low && found.low <= found.value && found.value <= found.high && found.high <= 1);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('has intervals as wide as leaving out one problem after the other says (the jackknife)', () => {
    const { normal, uniform } = random(1, 'association');
    const given = Array.from({ length: 150 }, () => {
      const difficulty = normal();
      return Array.from({ length: 6 }, (): Scored => {
        const correct = uniform() < 1 / (1 + Math.exp(difficulty));
        return { correct, score: normal() - difficulty + Number(correct) };
      });
    });
    for (const [figure, scale] of [
      [scoreCorrelation, Math.atanh],
      [scoreAuc, (share: number) => Math.log(share / (1 - share))],
    ] as const) {
      const whole = figure(given);
      assert.ok(whole !== undefined);
      const without = given.map((_, left) => scale(figure(given.filter((_, i) => i !== left))?.value as number));
      const centre = mean(without);
      const error = Math.sqrt((without.length - 1) * mean(without.map((value) => (value - centre) ** 2)));
      const ratio = (scale(whole.high) - scale(whole.low)) / (2 * 1.959963984540054 * error);
      assert.ok(ratio > 0.93 && ratio < 1.07, String(ratio));
    }
  });
});
