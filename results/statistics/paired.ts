import { gammaln, mean, quantileSorted, sampleVariance } from 'simple-statistics';
import { seededDraw } from './random.ts';
import { expandedAlpha, studentP, studentQuantile } from './student.ts';

/*
 * What one arm has more than another, where each of its models has a counterpart: the same seed, the same problems. A
 * training is drawn by its seed and a problem from all that could be asked, so there are two kinds of chance, and they
 * are crossed: every seed answers every problem.
 */

/** Differences of the models of two arms. */
export interface Differences {
  /** The difference of each seed: the mean over its tasks and problems. */
  seeds: readonly number[];
  /** For each task the differences of each problem, a list over the seeds; empty where the problems' own are not known. */
  tasks: readonly (readonly (readonly number[])[])[];
}

/** What a test says: the effect, an interval of confidence 1 - alpha, and the chance of as large an effect of nothing. */
export interface Estimate {
  value: number;
  low: number;
  high: number;
  /** Two-sided; NaN where there is no test of so little. */
  p: number;
}

/**
 * Student's t of the mean difference, for new seeds and new problems alike. Its variance is that of two crossed random
 * effects, A + B - C: A of the seeds' means, B of the problems' means, C of what is left, which the two have in common; its
 * degrees of freedom are Satterthwaite's (1946). This is the F'' of Clark (1973, "The language-as-fixed-effect fallacy").
 * Tasks are fixed and weigh the same. It is never surer than the paired t-test over seeds alone, which it is without problems: where
 * seeds differ most and are few, Satterthwaite's degrees are too many. Needs two seeds.
 *
 * Differences that are all the same have no variance to go by: then p is that of the signs alone.
 */
export function crossedT({ seeds, tasks }: Differences, alpha: number): Estimate {
  const count = seeds.length;
  const value = mean([...seeds]);
  const parts = [{ variance: sampleVariance([...seeds]) / count, degrees: count - 1, sign: 1 }];
  for (const problems of tasks) {
    if (problems.length < 2) continue;
    const weight = 1 / tasks.length ** 2;
    const means = problems.map((of) => mean([...of]));
    const bySeed = seeds.map((_, seed) => mean(problems.map((of) => of[seed] as number)));
    const middle = mean(bySeed);
    let rest = 0;
    for (const [index, of] of problems.entries())
      for (const [seed, one] of of.entries())
        rest += (one - (means[index] as number) - (bySeed[seed] as number) + middle) ** 2;
    const degrees = (count - 1) * (problems.length - 1);
    parts.push(
      { variance: (weight * sampleVariance(means)) / problems.length, degrees: problems.length - 1, sign: 1 },
      { variance: (weight * rest) / degrees / (count * problems.length), degrees, sign: -1 },
    );
  }
  const [ofSeeds = 0, ...others] = parts.map(({ variance }) => variance);
  const ofProblems = others.filter((_, index) => index % 2 === 0).reduce((sum, one) => sum + one, 0);
  const sum = parts.reduce((total, { variance, sign }) => total + sign * variance, 0);
  // Less than either alone can only come from the error of C.
  const variance = Math.max(sum, ofSeeds, ofProblems);
  if (isNothing(variance, value)) return { value, low: value, high: value, p: signsAlone(value, count) };
  const degrees = variance ** 2 / parts.reduce((total, part) => total + part.variance ** 2 / part.degrees, 0);
  const error = Math.sqrt(variance);
  const alone = Math.sqrt(ofSeeds);
  const half = Math.max(studentQuantile(alpha, degrees) * error, studentQuantile(alpha, count - 1) * alone);
  const p = Math.max(studentP(value / error, degrees), alone === 0 ? 0 : studentP(value / alone, count - 1));
  return { value, low: value - half, high: value + half, p };
}

/** Whether a variance is only what rounding leaves of differences that are all the same. */
function isNothing(variance: number, value: number): boolean {
  return variance <= Math.max(1e-12, 1e-9 * Math.abs(value)) ** 2;
}

/** p of so many seeds that all have the same difference: that all of their signs agree. */
function signsAlone(value: number, seeds: number): number {
  return value === 0 ? 1 : 2 ** (1 - seeds);
}

/** Seeds up to which all signs, or all subsets, are gone through; beyond it as many are drawn. */
const mostExact = 14;

/**
 * The exact test of Fisher (1935) and Pitman: if the arms were the same, each seed's difference could as well have the
 * other sign, so p is the share of all 2^n ways to set the signs that give as large a mean. Of n seeds p is at least
 * 2^(1-n), so six are the fewest that can have less than 0.05. The interval is Hartigan's (1969): the means of all subsets
 * cut the line into parts in each of which the true mean is as likely; ends are infinite where n is too small for alpha.
 */
export function signFlips(seeds: readonly number[], alpha: number): Estimate {
  const count = seeds.length;
  const value = mean([...seeds]);
  const exact = count <= mostExact;
  const ways = exact ? 2 ** count : 2 ** mostExact;
  const draw = seededDraw();
  const bits = (way: number): boolean[] =>
    seeds.map((_, seed) => (exact ? Math.floor(way / 2 ** seed) % 2 === 1 : draw(2) === 1));
  const size = Math.abs(value) - 1e-12 * Math.max(1, Math.abs(value));
  const means: number[] = [];
  let asLarge = 0;
  for (let way = 0; way < ways; way += 1) {
    const chosen = bits(way);
    const flipped = seeds.reduce((sum, one, seed) => sum + (chosen[seed] ? one : -one), 0) / count;
    if (Math.abs(flipped) >= size) asLarge += 1;
    const subset = seeds.filter((_, seed) => chosen[seed]);
    if (subset.length > 0) means.push(mean(subset));
  }
  means.sort((a, b) => a - b);
  const beyond = Math.floor((alpha / 2) * (means.length + 1));
  return {
    value,
    low: beyond === 0 ? Number.NEGATIVE_INFINITY : (means[beyond - 1] as number),
    high: beyond === 0 ? Number.POSITIVE_INFINITY : (means[means.length - beyond] as number),
    p: exact ? asLarge / ways : (asLarge + 1) / (ways + 1),
  };
}

/** How often is resampled. */
const resamples = 4000;

/**
 * The percentile bootstrap of both: seeds and, within each task, problems are drawn anew, with replacement and each once
 * for all, since every seed answers the same problems (the pigeonhole bootstrap, Owen 2007). Percentiles are expanded for
 * few seeds. p is twice the share of resamples on the other side of 0, which of few seeds is too small; needs two. Where all
 * differences are the same, p is that of the signs alone.
 */
export function bootstrap({ seeds, tasks }: Differences, alpha: number): Estimate {
  const draw = seededDraw();
  const value = mean([...seeds]);
  const found: number[] = [];
  for (let round = 0; round < resamples; round += 1) {
    const times = seeds.map(() => 0);
    for (let pick = 0; pick < seeds.length; pick += 1) {
      const drawn = draw(seeds.length);
      times[drawn] = (times[drawn] as number) + 1;
    }
    const weigh = (of: readonly number[]) => of.reduce((sum, one, seed) => sum + one * (times[seed] as number), 0);
    if (tasks.length === 0) found.push(weigh(seeds) / seeds.length);
    else {
      const means = tasks.map((problems) => {
        let sum = 0;
        for (let pick = 0; pick < problems.length; pick += 1)
          sum += weigh(problems[draw(problems.length)] as readonly number[]);
        return sum / problems.length / seeds.length;
      });
      found.push(mean(means));
    }
  }
  found.sort((a, b) => a - b);
  if (isNothing(sampleVariance(found), value))
    return { value, low: value, high: value, p: signsAlone(value, seeds.length) };
  const wide = expandedAlpha(alpha, seeds.length);
  const below = found.filter((one) => one <= 0).length;
  const above = found.filter((one) => one >= 0).length;
  return {
    value,
    low: quantileSorted(found, wide / 2),
    high: quantileSorted(found, 1 - wide / 2),
    p: Math.min(1, (2 * (Math.min(below, above) + 1)) / (resamples + 1)),
  };
}

/**
 * The exact test of McNemar (1947) for two models on the same problems: of those that only one of them solves, each is as
 * likely the one's as the other's. It speaks of these two models, not of how they were trained.
 */
export function mcnemar(onlyOne: number, onlyOther: number): number {
  const count = onlyOne + onlyOther;
  const least = Math.min(onlyOne, onlyOther);
  let tail = 0;
  for (let k = 0; k <= least; k += 1)
    tail += Math.exp(gammaln(count + 1) - gammaln(k + 1) - gammaln(count - k + 1) - count * Math.LN2);
  return Math.min(1, 2 * tail);
}
