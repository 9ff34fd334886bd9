import { seededDraw, shuffle } from './random.ts';

/** A figure over the levels of what was varied, of one seed: levels in order, equal ones allowed. */
export interface Series {
  x: readonly number[];
  y: readonly number[];
}

/** How a figure follows a factor. */
export interface Trend {
  /** Kendall's tau-a over all series: 1 where the figure rises at each step of each, -1 where it falls. */
  tau: number;
  /** Two-sided. */
  p: number;
}

/** Levels up to which all orders are gone through (8! = 40,320); beyond it as many are drawn. */
const mostExact = 8;

/**
 * Whether a figure rises or falls with a factor, in each of several series (seeds) alike: Kendall's S, the pairs of levels
 * that rise less those that fall, summed over the series. If the factor did nothing, each series could as well have stood
 * in any other order; p is the share of all orders of all series that give an S as large. Distributions of the series are
 * exact up to eight levels, and combined exactly. (Kendall 1938; summed over blocks it is the test of Jonckheere and Page's
 * setting.)
 */
export function stratifiedKendall(series: readonly Series[]): Trend {
  let combined = new Map<number, number>([[0, 1]]);
  let [score, pairs] = [0, 0];
  // By what of two series makes their distributions the same: nearly all of many seeds and settings have one of a few.
  const known = new Map<string, Map<number, number>>();
  for (const { x, y } of series) {
    score += scoreOf(x, y);
    pairs += pairsOf(x);
    const shape = `${signs(x).join()} ${signs(y).join()}`;
    const orders = known.get(shape) ?? ordersOf(x, y);
    known.set(shape, orders);
    combined = sumOf(combined, orders);
  }
  let p = 0;
  for (const [other, share] of combined) if (Math.abs(other) >= Math.abs(score)) p += share;
  return { tau: pairs === 0 ? 0 : score / pairs, p: Math.min(1, p) };
}

function scoreOf(x: readonly number[], y: readonly number[]): number {
  let score = 0;
  for (let i = 0; i < x.length; i += 1)
    for (let j = 0; j < i; j += 1)
      score += Math.sign((x[i] as number) - (x[j] as number)) * Math.sign((y[i] as number) - (y[j] as number));
  return score;
}

/** Pairs of levels that differ. */
function pairsOf(x: readonly number[]): number {
  return scoreOf(x, x);
}

/** How likely each S is, if the figures could stand in any order. */
function ordersOf(x: readonly number[], y: readonly number[]): Map<number, number> {
  const counts = new Map<number, number>();
  let total = 0;
  // Which of two is larger is asked of each pair in each of thousands of orders: it is looked up.
  const levels = x.length;
  const [rises, larger] = [signs(x), signs(y)];
  const count = (order: ArrayLike<number>) => {
    let score = 0;
    for (let i = 0; i < levels; i += 1)
      for (let j = 0; j < i; j += 1)
        score +=
          (rises[i * levels + j] as number) * (larger[(order[i] as number) * levels + (order[j] as number)] as number);
    counts.set(score, (counts.get(score) ?? 0) + 1);
    total += 1;
  };
  const places = y.map((_, place) => place);
  if (y.length <= mostExact) eachOrder(places, count);
  else {
    const draw = seededDraw();
    // The order that is there counts as one of them, so that p is never 0.
    count(places);
    for (let round = 0; round < 40_000; round += 1) count(shuffle([...places], draw));
  }
  for (const [score, times] of counts) counts.set(score, times / total);
  return counts;
}

/** Of values each with each, row by row: 1 where the one of the row is larger than that of the column, -1 where it is less. */
function signs(values: readonly number[]): Float64Array {
  return Float64Array.from(values.flatMap((value) => values.map((other) => Math.sign(value - other))));
}

/** The distribution of the sum of two scores that do not depend on each other. */
function sumOf(one: ReadonlyMap<number, number>, other: ReadonlyMap<number, number>): Map<number, number> {
  const sums = new Map<number, number>();
  for (const [a, p] of one) for (const [b, q] of other) sums.set(a + b, (sums.get(a + b) ?? 0) + p * q);
  return sums;
}

/** Visits all orders of some items, in place (Heap 1963). */
export function eachOrder<T>(items: T[], visit: (order: readonly T[]) => void, count = items.length): void {
  if (count <= 1) {
    visit(items);
    return;
  }
  for (let last = 0; last < count; last += 1) {
    eachOrder(items, visit, count - 1);
    const other = count % 2 === 0 ? last : 0;
    [items[other], items[count - 1]] = [items[count - 1] as T, items[other] as T];
  }
}
