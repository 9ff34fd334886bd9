/**
 * How the scores of a reward model go with being right, over responses to problems. Responses to one problem depend on one
 * another, so that intervals are from how much each problem as a whole moves the figure: its linearised variance, as that of
 * `clusteredMean`. Both are on scales that end at the figures' bounds.
 */
import { type Estimate, sum, z } from './statistics.ts';

/** A response: its score, and whether it is right. */
export interface Scored {
  score: number;
  correct: boolean;
}

/**
 * Pearson's correlation of score and rightness (point-biserial), with the interval of Fisher's z (1921). undefined where
 * scores or verdicts are all the same, or there are fewer than two problems.
 */
export function scoreCorrelation(problems: readonly (readonly Scored[])[]): Estimate | undefined {
  const all = problems.flat();
  const n = all.length;
  const scores = standardised(all.map(({ score }) => score));
  const verdicts = standardised(all.map(({ correct }) => Number(correct)));
  if (scores === undefined || verdicts === undefined || problems.length < 2) return undefined;
  const product = (i: number) => (scores[i] as number) * (verdicts[i] as number);
  const squares = (i: number) => (scores[i] as number) ** 2 + (verdicts[i] as number) ** 2;
  const value = clamped(sum(all.map((_, i) => product(i))) / n, -1, 1);
  const error = clusteredError(
    problems,
    all.map((_, i) => (product(i) - (value / 2) * squares(i)) / n),
  );
  if (Math.abs(value) === 1) return { value, n, low: value, high: value };
  const half = (z * error) / (1 - value ** 2);
  return within(value, n, Math.tanh(Math.atanh(value) - half), Math.tanh(Math.atanh(value) + half));
}

/**
 * The probability that a right response has a higher score than a wrong one, equal ones counting half: the area under the
 * ROC curve. Its variance is that of Obuchowski (1997) for clusters, its interval on the scale of the logit; at 0 and at 1 it
 * is a point. undefined where verdicts are all the same, or there are fewer than two problems.
 */
export function scoreAuc(problems: readonly (readonly Scored[])[]): Estimate | undefined {
  const all = problems.flat();
  const n = all.length;
  const right = all.filter(({ correct }) => correct).map(({ score }) => score);
  const wrong = all.filter(({ correct }) => !correct).map(({ score }) => score);
  if (right.length === 0 || wrong.length === 0 || problems.length < 2) return undefined;
  const [belowRight, belowWrong] = [shareBelow(right), shareBelow(wrong)];
  const value = sum(right.map(belowWrong)) / right.length;
  const error = clusteredError(
    problems,
    all.map(({ score, correct }) =>
      correct ? (belowWrong(score) - value) / right.length : (1 - belowRight(score) - value) / wrong.length,
    ),
  );
  if (value === 0 || value === 1) return { value, n, low: value, high: value };
  const [centre, half] = [Math.log(value / (1 - value)), (z * error) / (value * (1 - value))];
  return within(value, n, 1 / (1 + Math.exp(half - centre)), 1 / (1 + Math.exp(-half - centre)));
}

/** Rounding must not leave an end of an interval on the wrong side of its figure. */
function within(value: number, n: number, low: number, high: number): Estimate {
  return { value, n, low: Math.min(value, low), high: Math.max(value, high) };
}

/** The standard error of a figure that each response moves by so much, problems being independent of one another. */
function clusteredError(problems: readonly (readonly Scored[])[], moves: readonly number[]): number {
  let at = 0;
  const squares = problems.map(({ length }) => {
    at += length;
    return sum(moves.slice(at - length, at)) ** 2;
  });
  return Math.sqrt((problems.length / (problems.length - 1)) * sum(squares));
}

/** Less their mean, over their deviation; undefined where they are all the same. */
function standardised(values: readonly number[]): number[] | undefined {
  if (values.every((value) => value === values[0])) return undefined;
  const mean = sum(values) / values.length;
  const deviation = Math.sqrt(sum(values.map((value) => (value - mean) ** 2)) / values.length);
  return values.map((value) => (value - mean) / deviation);
}

/** The share of some values that is below another, those equal to it counting half. */
function shareBelow(values: readonly number[]): (value: number) => number {
  const sorted = Float64Array.from(values).sort();
  /** How many are below a value, or at most as large. */
  const count = (holds: (other: number) => boolean): number => {
    let [from, to] = [0, sorted.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (holds(sorted[middle] as number)) from = middle + 1;
      else to = middle;
    }
    return from;
  };
  return (value) => (count((other) => other < value) + count((other) => other <= value)) / (2 * sorted.length);
}

function clamped(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
