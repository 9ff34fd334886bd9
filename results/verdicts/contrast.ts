import { sampleVariance } from 'simple-statistics';
import type { Testing } from '../../planner/claims.ts';
import { bootstrap, crossedT, type Estimate, mcnemar, signFlips } from '../statistics/paired.ts';
import { normalQuantile } from '../statistics/student.ts';
import { type Compared, compare, type Measured } from './arrange.ts';
import { type Examined, ends, pointing } from './examined.ts';
import type { Part } from './question.ts';

/** Whether one arm has more, or less, of a figure than another. */
export function examineContrast({ name, saying }: Part, measured: readonly Measured[], testing: Testing): Examined {
  const compared = compare(measured, () => ({ of: 1, over: 0 }));
  const { estimate, test } = estimateOf(compared, testing);
  const wanted = saying.direction === 'lower' ? -1 : 1;
  return {
    name,
    claimed: saying.direction,
    effectOf: 'difference',
    ...ends(estimate),
    test,
    p: estimate.p,
    seeds: compared.seeds.length,
    pairs: compared.pairs,
    problems: compared.problems,
    points: pointing(estimate.value * wanted),
    settled: null,
    said: [...outcomeNotes(compared), ...powerNotes(compared, estimate, testing)],
  };
}

/** The difference of two levels by the test that was asked for; of one seed by its problems. */
export function estimateOf(compared: Compared, { test, alpha }: Testing): { estimate: Estimate; test: string } {
  if (compared.seeds.length < 2) return { estimate: ofOneSeed(compared, alpha), test: oneSeedTest(compared) };
  switch (test) {
    case 't':
      return {
        estimate: crossedT(compared, alpha),
        test: compared.tasks.length > 0 ? 't, seeds and problems' : 't, seeds',
      };
    case 'bootstrap':
      return { estimate: bootstrap(compared, alpha), test: 'bootstrap' };
    case 'permutation':
      return { estimate: signFlips(compared.seeds, alpha), test: 'sign flips' };
    default:
      return test satisfies never;
  }
}

function oneSeedTest({ tasks }: Compared): string {
  return isBinary(tasks.flat(2))
    ? "McNemar, one seed's problems"
    : tasks.length > 0
      ? "z, one seed's problems"
      : 'none';
}

/** Two models on the same problems, or by their two intervals (Newcombe's hybrid); it says nothing of training. */
function ofOneSeed({ seeds, tasks, models }: Compared, alpha: number): Estimate {
  const value = seeds[0] ?? Number.NaN;
  const differences = tasks.flat(2);
  if (tasks.length > 0) {
    // Of a task's one problem it is not known how far others are from it: no variance, no interval.
    const variance = tasks.reduce(
      (sum, task) =>
        sum + (task.length > 1 ? sampleVariance(task.flat()) / task.length / tasks.length ** 2 : Number.NaN),
      0,
    );
    const half = normalQuantile(alpha) * Math.sqrt(variance);
    const only = (sign: number) => differences.filter((one) => Math.sign(one) === sign).length;
    return {
      value,
      low: value - half,
      high: value + half,
      p: isBinary(differences) ? mcnemar(only(1), only(-1)) : Number.NaN,
    };
  }
  const [pair, ...others] = models;
  const none = { value, low: Number.NaN, high: Number.NaN, p: Number.NaN };
  if (!pair || others.length > 0) return none;
  const [of, over] = [pair.of.figure, pair.over.figure];
  if (of.low === null || of.high === null || over.low === null || over.high === null) return none;
  // What is known are intervals of 95 %.
  const wider = normalQuantile(alpha) / normalQuantile(0.05);
  return {
    value,
    low: value - wider * Math.hypot(of.value - of.low, over.high - over.value),
    high: value + wider * Math.hypot(of.high - of.value, over.value - over.low),
    p: Number.NaN,
  };
}

function isBinary(differences: readonly number[]): boolean {
  return differences.length > 0 && differences.every((one) => one === 0 || Math.abs(one) === 1);
}

function outcomeNotes({ seeds, models, tasks }: Compared): string[] {
  const isSame = seeds.every((one) => Math.abs(one - (seeds[0] as number)) <= 1e-9 * Math.abs(one));
  const settings = new Set(models.map(({ of }) => of.point.setting));
  const uneven = models.length !== settings.size * seeds.length;
  return [
    ...(uneven ? ['not every seed has every setting: seeds weigh the same'] : []),
    ...(seeds.length > 1 && tasks.length === 0 && models.length > 0
      ? ['no figure of each problem is kept: the interval is of new seeds on the same problems']
      : []),
    ...(seeds.length > 1 && isSame && tasks.length === 0
      ? ['all seeds have the same difference: p is that of the signs']
      : []),
  ];
}

/** How many seeds would find this effect four times in five, where these did not. */
function powerNotes({ seeds }: Compared, { value, p }: Estimate, { alpha }: Testing): string[] {
  if (seeds.length < 2 || value === 0 || !(p >= alpha)) return [];
  const variance = sampleVariance([...seeds]);
  const needed = Math.ceil(((normalQuantile(alpha) + 0.841621) ** 2 * variance) / value ** 2) + 2;
  if (needed <= seeds.length) return ['more problems would tell, rather than more seeds'];
  return needed > 200
    ? ['hundreds of seeds would be needed to tell an effect of this size']
    : [`about ${needed} seeds would tell an effect of this size, four times in five`];
}
