import { gammaln } from 'simple-statistics';

/**
 * The chance that Student's t with `degrees` of freedom, which need not be whole, is further from 0 than `t`, either way:
 * I_x(degrees/2, 1/2) with x = degrees/(degrees + t²) (Abramowitz and Stegun 26.7.1, 26.5.27).
 */
export function studentP(t: number, degrees: number): number {
  if (Number.isNaN(t)) return Number.NaN;
  const far = (t * t) / (degrees + t * t);
  // Either side of the distribution, whichever keeps the digits.
  return far < 0.5 ? 1 - regularizedBeta(far, 0.5, degrees / 2) : regularizedBeta(1 - far, degrees / 2, 0.5);
}

/** The t of which `studentP` is `p`: the half-width, in standard errors, of an interval of confidence 1 - p. By bisection. */
export function studentQuantile(p: number, degrees: number): number {
  let [low, high] = [0, 1];
  while (studentP(high, degrees) > p && high < 1e300) high *= 2;
  for (let step = 0; step < 200 && high - low > 1e-12 * high; step += 1) {
    const middle = (low + high) / 2;
    if (studentP(middle, degrees) > p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The same of the normal distribution, to six digits: t with very many degrees of freedom. */
export function normalQuantile(p: number): number {
  return studentQuantile(p, 1e7);
}

/**
 * The alpha to ask a percentile bootstrap of few for, so that its interval is as wide as one by t: 2Φ(-√(n/(n-1))·t)
 * (Hesterberg 2015, "What teachers should know about the bootstrap", expanded percentiles).
 */
export function expandedAlpha(alpha: number, count: number): number {
  return studentP(studentQuantile(alpha, count - 1) * Math.sqrt(count / (count - 1)), 1e7);
}

/**
 * The regularized incomplete beta function I_x(a, b), for 0 ≤ x ≤ 1: the continued fraction of DLMF 8.17.22, evaluated by
 * Lentz's method, on the side of the distribution where it converges fast.
 */
function regularizedBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  return x > (a + 1) / (a + b + 2) ? 1 - belowMean(1 - x, b, a) : belowMean(x, a, b);
}

function belowMean(x: number, a: number, b: number): number {
  const front = Math.exp(gammaln(a + b) - gammaln(a) - gammaln(b) + a * Math.log(x) + b * Math.log1p(-x)) / a;
  return front * fraction(x, a, b);
}

/** 1/(1 + t1/(1 + t2/(1 + ...))). */
function fraction(x: number, a: number, b: number): number {
  const away = (value: number) => (Math.abs(value) < 1e-300 ? 1e-300 : value);
  let c = 1;
  let d = 1 / away(1 - ((a + b) * x) / (a + 1));
  let product = d;
  for (let m = 1; m < 1000; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    const before = product;
    for (const term of [even, odd]) {
      d = 1 / away(1 + term * d);
      c = away(1 + term / c);
      product *= c * d;
    }
    if (Math.abs(product - before) < 1e-15 * product) break;
  }
  return product;
}
