/** Figures with their count and 95 % interval: of proportions, means, ratios, and unweighted means of them. */

/** A figure, how many items it is over, and the ends of its 95 % interval: `low <= value <= high`. */
export interface Estimate {
  value: number;
  n: number;
  low: number;
  high: number;
}

/** Two-sided 95 % quantile of the standard normal distribution. */
export const z = 1.959963984540054;

/**
 * `successes / n` with the Wilson score interval (Wilson 1927), which stays inside [0, 1] and does not collapse to a
 * point at 0 or 1. Throws a RangeError unless both are integers with 0 <= successes <= n and n >= 1.
 */
export function proportion(successes: number, n: number): Estimate {
  if (!Number.isInteger(successes) || !Number.isInteger(n) || n < 1 || successes < 0 || successes > n) {
    throw new RangeError(`a proportion needs integers with 0 <= successes <= n and n >= 1, not ${successes} of ${n}`);
  }
  return { n, ...wilson(successes / n, n) };
}

/**
 * The mean of per-problem scores in [0, 1] (Pass@k, say). Its interval is Wilson's too, for as many trials as would
 * give a proportion the variance that the scores have: their effective number, value * (1 - value) / (s^2 / n) (Kish
 * 1965, 8.2), at least n. Equal scores say nothing of the spread: they count as n trials. Throws a RangeError when
 * there is no score.
 */
export function meanScore(scores: readonly number[]): Estimate {
  const n = scores.length;
  if (n === 0) throw new RangeError('a mean needs at least one score');
  const value = Math.min(1, sum(scores) / n);
  const variance = n === 1 ? 0 : sum(scores.map((score) => (score - value) ** 2)) / (n - 1);
  const trials = variance === 0 ? n : Math.max(n, (value * (1 - value) * n) / variance);
  return { n, ...wilson(value, trials) };
}

/** A proportion of so many trials with the ends of its Wilson score interval. */
function wilson(value: number, trials: number): Omit<Estimate, 'n'> {
  const scale = 1 + (z * z) / trials;
  const centre = (value + (z * z) / (2 * trials)) / scale;
  const half = (z / scale) * Math.sqrt((value * (1 - value)) / trials + (z * z) / (4 * trials * trials));
  // At 0 and at 1 the interval ends there exactly; rounding alone would leave it 1e-17 away.
  return {
    value,
    low: value === 0 ? 0 : Math.min(value, centre - half),
    high: value === 1 ? 1 : Math.max(value, centre + half),
  };
}

/** A figure over n items that is known and not estimated: its interval is a point. */
export function exactly(value: number, n: number): Estimate {
  return { value, n, low: value, high: value };
}

/** A group of items that depend on one another (the tokens of one sequence): the sum of their values, and how many. */
export interface Cluster {
  sum: number;
  count: number;
}

/**
 * The mean over all items of all clusters ± 1.96 standard errors, where clusters and not items count as independent
 * (the linearised variance of a ratio, Cochran 1977, 6.3). `n` is the number of items. Throws a RangeError with fewer
 * than two clusters: one says nothing of the spread.
 */
export function clusteredMean(clusters: readonly Cluster[]): Estimate {
  const m = clusters.length;
  if (m < 2) throw new RangeError(`an interval over clusters needs at least two, not ${m}`);
  const n = sum(clusters.map((cluster) => cluster.count));
  const value = sum(clusters.map((cluster) => cluster.sum)) / n;
  const squares = sum(clusters.map((cluster) => (cluster.sum - value * cluster.count) ** 2));
  const half = (z / n) * Math.sqrt((m / (m - 1)) * squares);
  return { value, n, low: value - half, high: value + half };
}

/**
 * The unweighted mean of independent estimates. Its interval is recovered from theirs (MOVER, Zou and Donner 2008), so
 * that it is right for Wilson intervals, which are not symmetric, and equals ± 1.96 standard errors for those that are.
 * `n` is the sum of theirs. Throws a RangeError when there is none.
 */
export function unweightedMean(estimates: readonly Estimate[]): Estimate {
  const tasks = estimates.length;
  if (tasks === 0) throw new RangeError('a mean needs at least one estimate');
  const value = sum(estimates.map((estimate) => estimate.value)) / tasks;
  return {
    value,
    n: sum(estimates.map((estimate) => estimate.n)),
    low: value - Math.sqrt(sum(estimates.map((estimate) => (estimate.value - estimate.low) ** 2))) / tasks,
    high: value + Math.sqrt(sum(estimates.map((estimate) => (estimate.high - estimate.value) ** 2))) / tasks,
  };
}

/** The sum of some numbers, in their order. */
export function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
