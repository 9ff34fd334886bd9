import { mean, quantileSorted, sampleCorrelation, sampleRankCorrelation } from 'simple-statistics';
import type { Estimate } from './paired.ts';
import { seededDraw, shuffle } from './random.ts';
import { expandedAlpha, normalQuantile } from './student.ts';
import { eachOrder } from './trend.ts';

/** Which correlation. */
export type CorrelationKind = 'pearson' | 'spearman';

/**
 * The correlation of two figures over models, with Fisher's interval (of Spearman's rho with the error of Bonett and
 * Wright, 2000), and p of a permutation test: the share of all ways to pair the figures anew, or of 10,000 where there are
 * more than eight models, that give one as large. NaN where either figure does not vary; no interval of fewer than four.
 */
export function correlation(
  x: readonly number[],
  y: readonly number[],
  kind: CorrelationKind,
  alpha: number,
): Estimate {
  const value = coefficient(x, y, kind);
  if (Number.isNaN(value)) return { value, low: Number.NaN, high: Number.NaN, p: Number.NaN };
  const wider = kind === 'pearson' ? 1 : Math.sqrt(1 + (value * value) / 2);
  const p = permutationP(x, y, kind);
  if (x.length < 4) return { value, low: Number.NaN, high: Number.NaN, p };
  const half = (normalQuantile(alpha) * wider) / Math.sqrt(x.length - 3);
  const z = Math.atanh(value);
  const end = (at: number) => (Number.isFinite(z) ? Math.tanh(at) : value);
  return { value, low: end(z - half), high: end(z + half), p };
}

/** The correlation alone, of which p takes nearly all of the time; NaN where either figure does not vary. */
export function coefficient(x: readonly number[], y: readonly number[], kind: CorrelationKind): number {
  const of = kind === 'pearson' ? sampleCorrelation : sampleRankCorrelation;
  const raw = x.length < 2 ? Number.NaN : of([...x], [...y]);
  return Number.isFinite(raw) ? Math.max(-1, Math.min(1, raw)) : Number.NaN;
}

const resamples = 2000;

/**
 * How much closer y goes with one figure than with another: the difference of the two |r|, over models that are drawn anew
 * with replacement, each with all three of its figures. The interval is of percentiles, expanded for few models. NaN of
 * fewer than four models.
 */
export function closer(
  one: readonly number[],
  other: readonly number[],
  y: readonly number[],
  alpha: number,
): Estimate {
  const none = { value: Number.NaN, low: Number.NaN, high: Number.NaN, p: Number.NaN };
  if (y.length < 4) return none;
  const draw = seededDraw();
  const difference = (order: readonly number[]) => {
    const pick = (values: readonly number[]) => order.map((index) => values[index] as number);
    return Math.abs(sampleCorrelation(pick(one), pick(y))) - Math.abs(sampleCorrelation(pick(other), pick(y)));
  };
  const value = difference(y.map((_, index) => index));
  if (!Number.isFinite(value)) return none;
  const found = Array.from({ length: resamples }, () => difference(y.map(() => draw(y.length)))).filter(
    Number.isFinite,
  );
  found.sort((a, b) => a - b);
  const wide = expandedAlpha(alpha, y.length);
  const beyond = Math.min(found.filter((each) => each <= 0).length, found.filter((each) => each >= 0).length);
  return {
    value,
    low: quantileSorted(found, wide / 2),
    high: quantileSorted(found, 1 - wide / 2),
    p: Math.min(1, (2 * (beyond + 1)) / (found.length + 1)),
  };
}

function permutationP(x: readonly number[], y: readonly number[], kind: CorrelationKind): number {
  // Ranks once: a permutation does not change them.
  const [one, other] = (kind === 'pearson' ? [x, y] : [ranksOf(x), ranksOf(y)]).map(centred) as [number[], number[]];
  const product = (order: ArrayLike<number>) => {
    let sum = 0;
    for (let index = 0; index < one.length; index += 1) sum += (one[index] as number) * (order[index] as number);
    return Math.abs(sum);
  };
  // Two orders that give the same one may differ in their last digits, which are those of the largest that there can be.
  const least = product(other) - 1e-9 * Math.sqrt(squares(one) * squares(other));
  let [asLarge, all] = [0, 0];
  const count = (order: ArrayLike<number>) => {
    all += 1;
    if (product(order) >= least) asLarge += 1;
  };
  if (x.length <= 8) eachOrder([...other], count);
  else {
    const draw = seededDraw();
    count(other);
    // In one array, as of thousands of models there would be a hundred million numbers to collect.
    const [plain, order] = [Float64Array.from(other), new Float64Array(other.length)];
    for (let round = 0; round < 10_000; round += 1) {
      order.set(plain);
      count(shuffle(order, draw));
    }
  }
  return asLarge / all;
}

function centred(values: readonly number[]): number[] {
  const middle = mean([...values]);
  return values.map((value) => value - middle);
}

function squares(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value ** 2, 0);
}

/** Ranks from 1; equal values share the mean of theirs. */
function ranksOf(values: readonly number[]): number[] {
  const sorted = [...values].sort((a, b) => a - b);
  const ranks = new Map<number, number>();
  for (let below = 0; below < sorted.length; ) {
    const value = sorted[below] as number;
    let end = below + 1;
    while (end < sorted.length && sorted[end] === value) end += 1;
    ranks.set(value, below + (end - below + 1) / 2);
    below = end;
  }
  return values.map((value) => ranks.get(value) as number);
}
