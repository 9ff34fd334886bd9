/** Complex numbers in double precision: [real, imaginary]. Principal values, as everywhere. */
export type Complex = readonly [number, number];

export const add = (a: Complex, b: Complex): Complex => [a[0] + b[0], a[1] + b[1]];

export const multiply = (a: Complex, b: Complex): Complex => [a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]];

export const scale = (a: Complex, by: number): Complex => [a[0] * by, a[1] * by];

export const size = (a: Complex): number => Math.hypot(a[0], a[1]);

export function divide(a: Complex, b: Complex): Complex {
  const square = b[0] * b[0] + b[1] * b[1];
  return scale(multiply(a, [b[0], -b[1]]), 1 / square);
}

export function exponential([real, imaginary]: Complex): Complex {
  const radius = Math.exp(real);
  return imaginary === 0 ? [radius, 0] : [radius * Math.cos(imaginary), radius * Math.sin(imaginary)];
}

export function logarithm(a: Complex): Complex {
  return [Math.log(size(a)), Math.atan2(a[1], a[0])];
}

/** a^b; whole powers by multiplication and roots of positive numbers as reals, so that they are exact where doubles are. */
export function power(a: Complex, b: Complex): Complex {
  if (b[1] === 0 && a[1] === 0 && (a[0] >= 0 || Number.isInteger(b[0]))) return [a[0] ** b[0], 0];
  if (b[1] === 0 && b[0] === 0.5) return squareRoot(a);
  if (b[1] === 0 && Number.isInteger(b[0]) && Math.abs(b[0]) <= 1000) {
    let result: Complex = [1, 0];
    for (let i = 0; i < Math.abs(b[0]); i++) result = multiply(result, a);
    return b[0] < 0 ? divide([1, 0], result) : result;
  }
  if (a[0] === 0 && a[1] === 0) return b[0] > 0 ? [0, 0] : [Number.NaN, 0];
  return exponential(multiply(b, logarithm(a)));
}

function squareRoot(a: Complex): Complex {
  if (a[1] === 0) return a[0] >= 0 ? [Math.sqrt(a[0]), 0] : [0, Math.sqrt(-a[0])];
  const real = Math.sqrt((size(a) + a[0]) / 2);
  return [real, a[1] / (2 * real)];
}

export function sine([x, y]: Complex): Complex {
  return y === 0 ? [Math.sin(x), 0] : [Math.sin(x) * Math.cosh(y), Math.cos(x) * Math.sinh(y)];
}

export function cosine([x, y]: Complex): Complex {
  return y === 0 ? [Math.cos(x), 0] : [Math.cos(x) * Math.cosh(y), -Math.sin(x) * Math.sinh(y)];
}
