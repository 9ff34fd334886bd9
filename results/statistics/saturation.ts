import { linearRegression, mean } from 'simple-statistics';
import { seededDraw } from './random.ts';
import type { Series } from './trend.ts';

/** value = limit - rise·exp(-(x - first)/scale): what rises ever more slowly towards a limit. */
export interface Curve {
  first: number;
  limit: number;
  rise: number;
  scale: number;
}

/**
 * Where a rise is nearly over: the x at which only `share` of it is left, first + scale·ln(1/share), with an interval.
 * Infinite where it does not slow down, NaN where it does not rise.
 */
export interface Saturation {
  point: number;
  low: number;
  high: number;
  curve: Curve;
}

const resamples = 500;

/**
 * The saturation point of a figure over the levels of a factor, over all series (seeds) on the same levels, with the
 * percentile interval of a bootstrap of what the curve leaves: each series' differences from it, without what lifts or
 * lowers the whole series, made wider by the parameters that were fitted, are drawn anew. Needs four levels. Where the
 * curve is not the right one, the interval is not either.
 */
export function saturation(series: readonly Series[], share: number, alpha: number): Saturation {
  const x = [...(series[0]?.x ?? [])];
  const y = x.map((_, index) => mean(series.map((one) => one.y[index] as number)));
  const curve = fitCurve(x, y);
  const fitted = x.map((at) => valueAt(curve, at));
  const residuals = series.flatMap((one) => {
    const left = one.y.map((value, index) => value - (fitted[index] as number));
    const lift = series.length === 1 ? 0 : mean(left);
    return left.map((value) => value - lift);
  });
  const free = Math.max(1, residuals.length - 3 - (series.length - 1));
  const wider = Math.sqrt(residuals.length / free);
  const draw = seededDraw();
  const found: number[] = [];
  for (let round = 0; round < resamples; round += 1) {
    const again = fitted.map((value) => {
      const errors = series.map(() => wider * (residuals[draw(residuals.length)] as number));
      return value + mean(errors);
    });
    const point = pointOf(fitCurve(x, again), share);
    // What does not rise in a resample is not over anywhere.
    found.push(Number.isNaN(point) ? Number.POSITIVE_INFINITY : point);
  }
  found.sort((a, b) => a - b);
  // Between two that are infinite there is no number.
  const at = (part: number) => found[Math.min(found.length - 1, Math.floor(part * found.length))] as number;
  return { point: pointOf(curve, share), low: at(alpha / 2), high: at(1 - alpha / 2), curve };
}

/** The value of a curve. */
export function valueAt({ first, limit, rise, scale }: Curve, x: number): number {
  return limit - rise * Math.exp(-(x - first) / scale);
}

/** A scale beyond this many times the levels' span cannot be told from a straight line. */
const straight = 20;

/** The curve of least squares: for each scale a straight line in exp(-x/scale), the best scale of a grid, then refined. */
export function fitCurve(x: readonly number[], y: readonly number[]): Curve {
  const first = Math.min(...x);
  const span = Math.max(...x) - first;
  const lineAt = (scale: number) => {
    const bent = x.map((at) => Math.exp(-(at - first) / scale));
    const { m, b } = linearRegression(bent.map((one, index) => [one, y[index] as number]));
    const error = bent.reduce((sum, one, index) => sum + ((y[index] as number) - b - m * one) ** 2, 0);
    return { error, curve: { first, limit: b, rise: -m, scale } };
  };
  // What is over long before the second level cannot be told from what is over there.
  const least = Math.min(...x.filter((at) => at > first).map((at) => at - first)) / 20;
  const steps = 40;
  const scaleAt = (step: number) => least * ((straight * span) / least) ** (step / steps);
  let best = 0;
  for (let step = 1; step <= steps; step += 1)
    if (lineAt(scaleAt(step)).error < lineAt(scaleAt(best)).error) best = step;
  let [low, high] = [Math.max(0, best - 1), Math.min(steps, best + 1)];
  const golden = (Math.sqrt(5) - 1) / 2;
  for (let round = 0; round < 12; round += 1) {
    const [one, other] = [high - golden * (high - low), low + golden * (high - low)];
    if (lineAt(scaleAt(one)).error < lineAt(scaleAt(other)).error) high = other;
    else low = one;
  }
  return lineAt(scaleAt((low + high) / 2)).curve;
}

function pointOf({ first, rise, scale }: Curve, share: number): number {
  return rise > 0 ? first + scale * Math.log(1 / share) : Number.NaN;
}
