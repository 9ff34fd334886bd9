import { mean } from 'simple-statistics';
import type { Testing } from '../../planner/claims.ts';
import { crossedT, type Estimate } from '../statistics/paired.ts';
import { saturation } from '../statistics/saturation.ts';
import { stratifiedKendall } from '../statistics/trend.ts';
import { type Compared, type Curve, compare, curvesOf, longestCurves, type Measured } from './arrange.ts';
import { estimateOf } from './contrast.ts';
import { type Examined, ends, pointing } from './examined.ts';
import type { Part } from './question.ts';

/** Whether a figure goes up, down, stays or levels off over the levels of what is varied. */
export function examineTrend(part: Part, measured: readonly Measured[], testing: Testing): Examined {
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
