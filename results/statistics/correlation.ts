import { mean, quantileSorted, sampleCorrelation, sampleRankCorrelation } from 'simple-statistics';
import type { Estimate } from './paired.ts';
import { seededDraw, shuffle } from './random.ts';
import { expandedAlpha, normalQuantile } from './student.ts';
import { permutations } from './trend.ts';

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
  const of = kind === 'pearson' ? sampleCorrelation : sampleRankCorrelation;
  const raw = x.length < 2 ? Number.NaN : of([...x], [...y]);
  if (!Number.isFinite(raw)) return { value: Number.NaN, low: Number.NaN, high: Number.NaN, p: Number.NaN };
  const value = Math.max(-1, Math.min(1, raw));
  const wider = kind === 'pearson' ? 1 : Math.sqrt(1 + (value * value) / 2);
  const p = permutationP(x, y, kind);
  if (x.length < 4) return { value, low: Number.NaN, high: Number.NaN, p };
  const half = (normalQuantile(alpha) * wider) / Math.sqrt(x.length - 3);
  const z = Math.atanh(value);
  const end = (at: number) => (Number.isFinite(z) ? Math.tanh(at) : value);
  return { value, low: end(z - half), high: end(z + half), p };
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
  const product = (order: readonly number[]) =>
    Math.abs(one.reduce((sum, a, index) => sum + a * (order[index] as number), 0));
  // Two orders that give the same one may differ in their last digits, which are those of the largest that there can be.
  const least = product(other) - 1e-9 * Math.sqrt(squares(one) * squares(other));
  let [asLarge, all] = [0, 0];
  const count = (order: readonly number[]) => {
    all += 1;
    if (product(order) >= least) asLarge += 1;
  };
  if (x.length <= 8) for (const order of permutations([...other])) count(order);
  else {
    const draw = seededDraw();
    count(other);
    for (let round = 0; round < 10_000; round += 1) count(shuffle([...other], draw));
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
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return below + (equal + 1) / 2;
  });
}
