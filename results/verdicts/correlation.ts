import type { Testing } from '../../planner/claims.ts';
import { closer, coefficient, correlation } from '../statistics/correlation.ts';
import { type Measured, seedsOf } from './arrange.ts';
import type { Evidence } from './evidence.ts';
import { type Examined, ends, pointing } from './examined.ts';
import type { Part, Reading } from './question.ts';

/** Whether two figures go together over models, or one of them closer with a third than the other. */
export function examineCorrelation(
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
  const none =
    rows.length < (direction === 'closer' ? 4 : 2)
      ? `${rows.length} models have these figures: too few for a correlation`
      : 'a figure is the same of all models';
  if (direction === 'closer') {
    const rival = rows.map((row) => row.rival ?? Number.NaN);
    const more = closer(x, rival, y, alpha);
    const [own, other] = [x, rival].map((values) => coefficient(values, y, 'pearson').toFixed(3));
    const said = Number.isNaN(more.value) ? [none] : [`r ${own} beside ${other}`];
    return { ...common, ...ends(more), test: 'bootstrap of |r| - |r|', p: more.p, points: pointing(more.value), said };
  }
  const own = correlation(x, y, 'pearson', alpha);
  const rank = coefficient(x, y, 'spearman');
  return {
    ...common,
    ...ends(own),
    test: 'Pearson, orders of models',
    p: own.p,
    points: pointing(direction === 'negative' ? -own.value : own.value),
    said: Number.isNaN(own.value) ? [none] : [`r² ${(own.value ** 2).toFixed(3)}`, `Spearman ${rank.toFixed(3)}`],
  };
}
