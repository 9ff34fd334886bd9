import { mean } from 'simple-statistics';
import type { Differences } from '../statistics/paired.ts';
import type { Series } from '../statistics/trend.ts';
import type { Evidence, Figure } from './evidence.ts';
import { type Part, type Point, readingsOf } from './question.ts';

/** A model with its figure. */
export interface Measured {
  point: Point;
  figure: Figure;
}

/**
 * The points of a part that the results have figures for; a gain is a figure less another, problem by problem. `besides` are
 * those that are left out because another model, the first, has the same level, setting and seed.
 */
export function measure({ points, saying }: Part, evidence: Evidence): { measured: Measured[]; besides: Point[] } {
  const models = new Set<string>();
  const places = new Set<string>();
  const besides: Point[] = [];
  const measured = points.flatMap((point): Measured[] => {
    const { x, setting, seed } = point;
    const figure = evidence.figure(point.reading);
    const less = point.less && evidence.figure(point.less);
    if (figure === undefined || (point.less && less === undefined)) return [];
    // Two addresses of one model are one; a correlation has no levels, and its settings are the addresses.
    const id = readingsOf(point).map(({ evaluation, metric }) => `${evaluation} ${metric}`);
    const model = saying.kind === 'correlation' ? id.join() : [x, setting, id].join('\n');
    if (models.has(model)) return [];
    models.add(model);
    const place = [x, setting, seed].join('\n');
    if (places.has(place)) {
      besides.push(point);
      return [];
    }
    places.add(place);
    return [{ point, figure: less ? lessened(figure, less) : figure }];
  });
  return { measured, besides };
}

function lessened(figure: Figure, less: Figure): Figure {
  const problems = new Map<string, Map<string, number>>();
  for (const [task, own] of figure.problems) {
    const other = less.problems.get(task);
    const both = [...own].flatMap(([problem, value]): [string, number][] => {
      const before = other?.get(problem);
      return before === undefined ? [] : [[problem, value - before]];
    });
    if (both.length > 0) problems.set(task, new Map(both));
  }
  const whole = problems.size === figure.problems.size;
  return {
    value: figure.value - less.value,
    n: figure.n,
    low: null,
    high: null,
    problems: whole ? problems : new Map(),
  };
}

/** The seeds of some models, sorted. */
export function seedsOf(measured: readonly Measured[]): string[] {
  return [...new Set(measured.map(({ point }) => point.seed))].sort((a, b) =>
    a.localeCompare(b, 'en', { numeric: true }),
  );
}

/** What one level has more than another. */
export interface Compared extends Differences {
  pairs: number;
  /** Problems that all models answered, over all tasks; as many as a figure is over where they are not kept. */
  problems: number | null;
  /** The two models of each pair. */
  models: { of: Measured; over: Measured }[];
}

/** Which two levels are compared in a setting; undefined where that has not both. */
export type Levels = (setting: string) => { of: number; over: number } | undefined;

/**
 * The differences of the models at one level from those at another, of the same setting and seed. Where a seed has several
 * settings its difference is their mean; problems are those that every model answered.
 */
export function compare(measured: readonly Measured[], levels: Levels): Compared {
  const at = (side: 'of' | 'over') =>
    new Map(
      measured
        .filter(({ point }) => point.x === levels(point.setting)?.[side])
        .map((one) => [`${one.point.setting}\n${one.point.seed}`, one] as const),
    );
  const [ofs, overs] = [at('of'), at('over')];
  const models = [...ofs].flatMap(([id, of]) => {
    const over = overs.get(id);
    return over ? [{ of, over }] : [];
  });
  const seeds = seedsOf(models.map(({ of }) => of));
  const bySeed = seeds.map((seed) => models.filter(({ of }) => of.point.seed === seed));
  const tasks = [...(models[0]?.of.figure.problems.keys() ?? [])].map((task) => {
    const answered = models.flatMap(({ of, over }) => [of.figure.problems.get(task), over.figure.problems.get(task)]);
    const [first, ...others] = answered;
    const shared = [...(first?.keys() ?? [])].filter((problem) => others.every((other) => other?.has(problem)));
    return shared.map((problem) =>
      bySeed.map((pairs) =>
        mean(
          pairs.map(({ of, over }) => {
            const value = (one: Measured) => one.figure.problems.get(task)?.get(problem) as number;
            return value(of) - value(over);
          }),
        ),
      ),
    );
  });
  const kept = tasks.length > 0 && tasks.every((problems) => problems.length > 0);
  return {
    seeds: bySeed.map((pairs) => mean(pairs.map(({ of, over }) => of.figure.value - over.figure.value))),
    tasks: kept ? tasks : [],
    pairs: models.length,
    problems: kept ? tasks.reduce((sum, problems) => sum + problems.length, 0) : (models[0]?.of.figure.n ?? null),
    models,
  };
}

/** A figure over the levels of one setting, of one seed. */
export interface Curve extends Series {
  setting: string;
  seed: string;
}

/** The curves of a trend: of each setting the levels that all of its seeds have. */
export function curvesOf(measured: readonly Measured[]): Curve[] {
  const settings = [...new Set(measured.map(({ point }) => point.setting))];
  return settings.flatMap((setting) => {
    const own = measured.filter(({ point }) => point.setting === setting);
    const seeds = seedsOf(own);
    const find = (seed: string, x: number) => own.find(({ point }) => point.seed === seed && point.x === x);
    const levels = [...new Set(own.map(({ point }) => point.x))].sort((a, b) => a - b);
    const x = levels.filter((level) => seeds.every((seed) => find(seed, level)));
    return seeds.map((seed) => ({ setting, seed, x, y: x.map((level) => find(seed, level)?.figure.value as number) }));
  });
}

/** The mean curve of each seed over those of the settings that have the most levels, and the same ones. */
export function longestCurves(curves: readonly Curve[]): Curve[] {
  const most = Math.max(0, ...curves.map(({ x }) => x.length));
  const levels = curves.find(({ x }) => x.length === most)?.x ?? [];
  const same = curves.filter(({ x }) => x.join() === levels.join());
  return [...new Set(same.map(({ seed }) => seed))].map((seed) => {
    const own = same.filter((curve) => curve.seed === seed);
    return { setting: '', seed, x: levels, y: levels.map((_, index) => mean(own.map(({ y }) => y[index] as number))) };
  });
}
