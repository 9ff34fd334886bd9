import { mean, sampleVariance } from 'simple-statistics';
import type { Testing } from '../../planner/claims.ts';
import { corrected } from '../statistics/correction.ts';
import { closer, correlation } from '../statistics/correlation.ts';
import { bootstrap, crossedT, type Estimate, mcnemar, signFlips } from '../statistics/paired.ts';
import { saturation } from '../statistics/saturation.ts';
import { normalQuantile } from '../statistics/student.ts';
import { stratifiedKendall } from '../statistics/trend.ts';
import {
  type Compared,
  type Curve,
  compare,
  curvesOf,
  longestCurves,
  type Measured,
  measure,
  seedsOf,
} from './arrange.ts';
import type { Evidence } from './evidence.ts';
import { type Part, type Question, type Reading, readingsOf } from './question.ts';

/** What the results say of a claim. docs/takeaways.md has what each means. */
export const verdictWords = [
  'supported',
  'contradicted',
  'inconclusive',
  'underpowered',
  'stale',
  'not asked',
] as const;
export type VerdictWord = (typeof verdictWords)[number];

/** What the results say of one part of a claim. */
export interface PartVerdict {
  name: string;
  /** The figure; empty where no model was found to ask. */
  metric: string;
  /** What is claimed of the figure: higher, lower, up, down, flat, saturates, positive or negative. */
  claimed: string;
  verdict: VerdictWord;
  /** What the interval is of: `difference`, `change` from the first level to the last, `saturation` (a level), `r`. */
  effectOf: 'difference' | 'change' | 'saturation' | 'r';
  effect: number | null;
  /** Ends of the interval of confidence 1 - alpha, not corrected; null where there is none on that side. */
  low: number | null;
  high: number | null;
  /** How it was tested. */
  test: string;
  /** Which way the effect points, whatever the verdict. */
  points: 'for' | 'against' | 'neither';
  p: number | null;
  /** Corrected for all tests that are told together. */
  pCorrected: number | null;
  seeds: number;
  /** Pairs of models, or models of a trend or a correlation. */
  pairs: number;
  problems: number | null;
  /** What else there is to say: what it would take, how the trend goes. */
  said: string[];
}

/** A takeaway with its verdict. */
export interface TakeawayVerdict {
  number: number;
  name: string | null;
  claim: string;
  verdict: VerdictWord;
  alpha: number;
  correction: Testing['correction'];
  parts: PartVerdict[];
  warnings: string[];
  /** What it cannot be asked for. */
  missing: string[];
}

/** Decides takeaways that are told together: p is corrected over all of their parts. */
export function decide(questions: readonly Question[], evidence: Evidence): TakeawayVerdict[] {
  const examined = questions.map((question) => question.parts.map((part) => examine(part, question.testing, evidence)));
  const family = examined.flatMap((parts) => parts.map(({ p }) => p));
  const byCorrection = new Map(
    questions.map(({ testing }) => [testing.correction, corrected(family, testing.correction)]),
  );
  let place = 0;
  return questions.map((question, index) => {
    const { number, name, claim, testing, warnings, missing } = question;
    const parts = (examined[index] as Examined[]).map((one, which) => {
      const p = byCorrection.get(testing.correction)?.[place] as number;
      place += 1;
      return { ...judge(one, p, testing), metric: question.parts[which]?.points[0]?.reading.metric ?? '' };
    });
    const found = together(parts.map((part) => part.verdict));
    // What lacks a part may be refuted, and cannot be shown.
    const verdict = missing.length > 0 && found === 'supported' ? 'not asked' : found;
    const { alpha, correction } = testing;
    return { number, name, claim, verdict, alpha, correction, parts, warnings, missing };
  });
}

/** The verdict of a claim that holds where all of its parts do. */
function together(verdicts: readonly VerdictWord[]): VerdictWord {
  const order: VerdictWord[] = ['stale', 'contradicted', 'underpowered', 'inconclusive'];
  return order.find((word) => verdicts.includes(word)) ?? (verdicts.length === 0 ? 'not asked' : 'supported');
}

/** A part before p is corrected. */
interface Examined extends Omit<PartVerdict, 'metric' | 'verdict' | 'p' | 'pCorrected'> {
  /** NaN where nothing was tested. */
  p: number;
  /** What cannot be undone by p. */
  settled: VerdictWord | null;
}

function judge({ settled, p, ...part }: Examined, pCorrected: number, { alpha }: Testing): Omit<PartVerdict, 'metric'> {
  const { points } = part;
  const clear = pCorrected < alpha;
  const verdict =
    settled ?? (!clear || points === 'neither' ? 'inconclusive' : points === 'for' ? 'supported' : 'contradicted');
  return { ...part, verdict, p: orNull(p), pCorrected: orNull(pCorrected) };
}

function examine(part: Part, testing: Testing, evidence: Evidence): Examined {
  const measured = measure(part, evidence);
  const examined =
    part.saying.kind === 'contrast'
      ? examineContrast(part, measured, testing)
      : part.saying.kind === 'trend'
        ? examineTrend(part, measured, testing)
        : examineCorrelation(part, measured, testing, evidence);
  const old = staleness(part, evidence);
  if (old.length > 0) return { ...examined, settled: 'stale', p: Number.NaN, said: [...old, ...examined.said] };
  if (examined.pairs === 0) return { ...examined, settled: 'stale', p: Number.NaN, said: ['no figure to compare'] };
  if (examined.seeds >= testing.seeds || examined.settled !== null) return examined;
  const runs = examined.seeds <= 1 ? 'single runs' : `${examined.seeds} seeds`;
  const told = `${runs}, ${directionOf(examined)}; a verdict takes ${testing.seeds} seeds`;
  return { ...examined, settled: 'underpowered', said: [told, ...examined.said] };
}

function directionOf({ points }: Examined): string {
  return { for: 'as claimed', against: 'against the claim', neither: 'neither way' }[points];
}

/** What of a part's evaluations is not there, or older than its model. */
function staleness({ points }: Part, { seen }: Evidence): string[] {
  const keys = new Map(
    points.flatMap((point) => readingsOf(point).map(({ evaluation }) => [evaluation, point.address] as const)),
  );
  const lacking = [...keys].filter(([key]) => key === null || !seen.has(key));
  const older = [...keys].filter(([key]) => key !== null && seen.get(key)?.superseded);
  return [
    ...(lacking.length > 0 ? [`${lacking.length} of ${keys.size} evaluations not done: ${lacking[0]?.[1]}`] : []),
    ...(older.length > 0
      ? [`${older.length} of ${keys.size} evaluations older than their model: ${older[0]?.[1]}`]
      : []),
  ];
}

function examineContrast({ name, saying }: Part, measured: readonly Measured[], testing: Testing): Examined {
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

function pointing(value: number): Examined['points'] {
  return value > 0 ? 'for' : value < 0 ? 'against' : 'neither';
}

/** The difference of two levels by the test that was asked for; of one seed by its problems. */
function estimateOf(compared: Compared, { test, alpha }: Testing): { estimate: Estimate; test: string } {
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
    const variance = tasks.reduce(
      (sum, task) => sum + (task.length > 1 ? sampleVariance(task.flat()) / task.length / tasks.length ** 2 : 0),
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
  return {
    value,
    low: value - Math.hypot(of.value - of.low, over.high - over.value),
    high: value + Math.hypot(of.high - of.value, over.value - over.low),
    p: Number.NaN,
  };
}

function isBinary(differences: readonly number[]): boolean {
  return differences.length > 0 && differences.every((one) => one === 0 || Math.abs(one) === 1);
}

function outcomeNotes({ seeds, models, tasks }: Compared): string[] {
  const settings = new Set(models.map(({ of }) => of.point.setting));
  const uneven = models.length !== settings.size * seeds.length;
  return [
    ...(uneven ? ['not every seed has every setting: seeds weigh the same'] : []),
    ...(seeds.length > 1 && tasks.length === 0 && models.length > 0
      ? ['no figure of each problem is kept: the interval is of new seeds on the same problems']
      : []),
    ...(seeds.length > 1 && seeds.every((one) => one === seeds[0]) && tasks.length === 0
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

function examineTrend(part: Part, measured: readonly Measured[], testing: Testing): Examined {
  const curves = curvesOf(measured).filter(({ x }) => x.length > 1);
  const longest = longestCurves(curves);
  const x = longest[0]?.x ?? [];
  const seeds = new Set(curves.map(({ seed }) => seed)).size;
  const onCurves = measured.filter(({ point }) => curves.some(({ setting }) => setting === point.setting));
  const common = { name: part.name, claimed: part.saying.direction, seeds, pairs: onCurves.length };
  if (x.length < 3) {
    const none = { effectOf: 'change' as const, effect: null, low: null, high: null, test: 'none', p: Number.NaN };
    const said = [`${x.length} levels have figures of every seed, and a trend has three`];
    return { ...common, ...none, problems: null, points: 'neither', settled: 'underpowered', said };
  }
  const compared = compare(measured, (setting) => {
    const levels = curves.find((curve) => curve.setting === setting)?.x ?? [];
    return levels.length > 1 ? { of: levels.at(-1) as number, over: levels[0] as number } : undefined;
  });
  const { estimate } = estimateOf(compared, testing);
  const { problems } = compared;
  const { tau, p } = stratifiedKendall(curves);
  const number = new Set(curves.map(({ setting }) => setting)).size;
  const over = number === 1 ? `${x.length} levels` : `${number} curves of up to ${x.length} levels`;
  const said = [`tau ${tau.toFixed(2)} over ${over}`, ...turns(longest)];
  const change = { ...common, effectOf: 'change' as const, ...ends(estimate), problems, settled: null };
  const { saying } = part;
  switch (saying.direction) {
    case 'up':
    case 'down': {
      const points = pointing(saying.direction === 'up' ? tau : -tau);
      return { ...change, test: 'Kendall, orders of levels', p, points, said };
    }
    case 'flat': {
      const { inside, outside } = equivalence(measured, curves, saying.within, testing);
      const test = `two one-sided t, within ${saying.within}`;
      const points = Number.isNaN(inside) ? 'neither' : inside <= outside ? 'for' : 'against';
      return { ...change, test, p: Math.min(inside, outside), points, said };
    }
    case 'saturates': {
      const [first, last] = [x[0] as number, x.at(-1) as number];
      if (x.length < 4) {
        const few = `${x.length} levels, and a saturation point takes four`;
        return {
          ...change,
          test: 'none',
          p: Number.NaN,
          points: 'neither',
          settled: 'underpowered',
          said: [few, ...said],
        };
      }
      const { point, low, high } = saturation(longest, saying.share, testing.alpha);
      const percent = Number((saying.share * 100).toFixed(2));
      const where =
        point < last * 1e3
          ? `less than ${percent} % of the rise is left from ${short(point)} on, of ${short(first)} to ${short(last)}`
          : tau > 0
            ? 'the rise does not slow down'
            : 'it does not rise';
      const points = tau > 0 && high <= last ? 'for' : tau <= 0 || low > last ? 'against' : 'neither';
      const test = 'Kendall; exponential fit';
      return {
        ...change,
        effectOf: 'saturation',
        ...ends({ value: point, low, high }),
        test,
        p,
        points,
        said: [where, ...said],
      };
    }
    default:
      throw new Error(`no trend is ${saying.direction}`);
  }
}

/** Where a mean curve turns: a figure that rises and then falls has no one direction. */
function turns(series: readonly Curve[]): string[] {
  const x = series[0]?.x ?? [];
  const y = x.map((_, index) => mean(series.map((one) => one.y[index] as number)));
  const signs = y.slice(1).map((value, index) => Math.sign(value - (y[index] as number)));
  if (!(signs.includes(1) && signs.includes(-1))) return [];
  const highest = y.indexOf(Math.max(...y));
  return [`not monotone: highest at ${short(x[highest] as number)}`];
}

/** p that every level is within a margin of the first (two one-sided tests each), and that some level is beyond it. */
function equivalence(measured: readonly Measured[], curves: readonly Curve[], margin: number, testing: Testing) {
  const one = ({ value, p }: Estimate) => (Number.isNaN(p) ? Number.NaN : value > 0 ? p / 2 : 1 - p / 2);
  const above = (compared: Compared, sign: number, shift: number) =>
    one(
      crossedT(
        {
          seeds: compared.seeds.map((difference) => sign * difference + shift),
          tasks: compared.tasks.map((problems) => problems.map((of) => of.map((each) => sign * each + shift))),
        },
        testing.alpha,
      ),
    );
  const x = [...new Set(curves.flatMap((curve) => curve.x.slice(1)))];
  const levels = x.map((level) =>
    compare(measured, (setting) => {
      const own = curves.find((curve) => curve.setting === setting)?.x ?? [];
      return own.indexOf(level) > 0 ? { of: level, over: own[0] as number } : undefined;
    }),
  );
  if (levels.some(({ seeds }) => seeds.length < 2)) return { inside: Number.NaN, outside: Number.NaN };
  const inside = Math.max(...levels.map((of) => Math.max(above(of, 1, margin), above(of, -1, margin))));
  const least = Math.min(...levels.map((of) => Math.min(above(of, 1, -margin), above(of, -1, -margin))));
  return { inside, outside: Math.min(1, 2 * levels.length * least) };
}

function examineCorrelation(
  part: Part,
  measured: readonly Measured[],
  { alpha }: Testing,
  evidence: Evidence,
): Examined {
  const value = (reading: Reading | undefined) => (reading ? evidence.figure(reading)?.value : undefined);
  const rows = measured.flatMap(({ point, figure }) => {
    const [x, rival] = [value(point.beside), value(point.rival)];
    return x === undefined || (point.rival && rival === undefined) ? [] : [{ x, rival, y: figure.value, n: figure.n }];
  });
  const [x, y] = [rows.map((row) => row.x), rows.map((row) => row.y)];
  const { direction } = part.saying;
  const common = {
    name: part.name,
    claimed: direction,
    effectOf: 'r' as const,
    seeds: seedsOf(measured).length,
    pairs: rows.length,
    problems: rows[0]?.n ?? null,
    settled: null,
  };
  const own = correlation(x, y, 'pearson', alpha);
  if (direction === 'closer') {
    const rival = rows.map((row) => row.rival ?? Number.NaN);
    const other = correlation(rival, y, 'pearson', alpha);
    const more = closer(x, rival, y, alpha);
    const said = [`r ${own.value.toFixed(3)} beside ${other.value.toFixed(3)}`];
    return { ...common, ...ends(more), test: 'bootstrap of |r| - |r|', p: more.p, points: pointing(more.value), said };
  }
  const rank = correlation(x, y, 'spearman', alpha);
  return {
    ...common,
    ...ends(own),
    test: 'Pearson, orders of models',
    p: own.p,
    points: pointing(direction === 'negative' ? -own.value : own.value),
    said: [`r² ${(own.value ** 2).toFixed(3)}`, `Spearman ${rank.value.toFixed(3)}`],
  };
}

function ends({ value, low, high }: Pick<Estimate, 'value' | 'low' | 'high'>) {
  const finite = (end: number) => (Number.isFinite(end) ? end : null);
  return { effect: finite(value), low: finite(low), high: finite(high) };
}

function orNull(p: number): number | null {
  return Number.isNaN(p) ? null : p;
}

/** A level in three digits: `4.79`, `44.9K`, `32B`. */
function short(value: number): string {
  const [unit, size] = (
    [
      ['B', 1e9],
      ['M', 1e6],
      ['K', 1e4],
    ] as const
  ).find(([, least]) => Math.abs(value) >= least) ?? ['', 1];
  return `${Number((value / (unit === 'K' ? 1e3 : size)).toPrecision(3))}${unit}`;
}
