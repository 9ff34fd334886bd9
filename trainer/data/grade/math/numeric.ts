/** Values in double precision, for what is no rational function: radicals, logarithms, sines. */
import { createHash } from 'node:crypto';
import { toDouble } from '../../rational.ts';
import { add, type Complex, cosine, divide, exponential, logarithm, multiply, power, sine, size } from './complex.ts';
import type { Expression } from './expression.ts';

/** The value at a point, by its number; undefined where there is none, or where it is too large. */
export function numericValue(expression: Expression, point: number): Complex | undefined {
  const value = valueAt(expression, point);
  return value?.every(Number.isFinite) ? value : undefined;
}

/** The functions that are known, by name. Several arguments: log(base, x), root(n, x), binom(n, k). */
export const functions: Readonly<Record<string, (...operands: Complex[]) => Complex | undefined>> = {
  sin: sine,
  cos: cosine,
  tan: (x) => divide(sine(x), cosine(x)),
  cot: (x) => divide(cosine(x), sine(x)),
  sec: (x) => divide([1, 0], cosine(x)),
  csc: (x) => divide([1, 0], sine(x)),
  arcsin: real((x) => Math.asin(x)),
  arccos: real((x) => Math.acos(x)),
  arctan: real((x) => Math.atan(x)),
  sinh: real((x) => Math.sinh(x)),
  cosh: real((x) => Math.cosh(x)),
  tanh: real((x) => Math.tanh(x)),
  exp: exponential,
  ln: logarithm,
  log: (base, x) => x && divide(logarithm(x), logarithm(base as Complex)),
  abs: (x) => [size(x as Complex), 0],
  floor: real((x) => Math.floor(x + 1e-12)),
  ceil: real((x) => Math.ceil(x - 1e-12)),
  factorial: real((x) => (isCount(x) && x <= 170 ? factorial(x) : Number.NaN)),
  binom: real((n, k) =>
    isCount(n) && isCount(k as number) && n <= 1000 && (k as number) <= 1000 ? choose(n, k as number) : Number.NaN,
  ),
  root: (index, x) => {
    const [n, imaginary] = index as Complex;
    if (x === undefined || imaginary !== 0 || n === 0) return undefined;
    // Of a negative number the real root, where there is one.
    if (x[1] === 0 && x[0] < 0 && Math.abs(n % 2) === 1) return [-((-x[0]) ** (1 / n)), 0];
    return power(x, [1 / n, 0]);
  },
};

function valueAt(expression: Expression, point: number): Complex | undefined {
  switch (expression.kind) {
    case 'number':
      return [toDouble(expression.value), 0];
    case 'symbol':
      return constants.get(expression.name) ?? [coordinate(expression.name, point), 0];
    case 'sum':
      return valuesAt(expression.operands, point)?.reduce(add);
    case 'product':
      return valuesAt(expression.operands, point)?.reduce(multiply);
    case 'power': {
      const values = valuesAt([expression.base, expression.exponent], point);
      return values && power(values[0] as Complex, values[1] as Complex);
    }
    case 'call': {
      const values = valuesAt(expression.operands, point);
      const compute = Object.hasOwn(functions, expression.name) ? functions[expression.name] : undefined;
      return values && compute?.(...values);
    }
  }
}

const constants = new Map<string, Complex>([
  ['pi', [Math.PI, 0]],
  ['e', [Math.E, 0]],
  ['i', [0, 1]],
  ['degree', [Math.PI / 180, 0]],
  ['infinity', [Number.NaN, 0]],
]);

function valuesAt(operands: readonly Expression[], point: number): Complex[] | undefined {
  const values: Complex[] = [];
  for (const operand of operands) {
    const value = valueAt(operand, point);
    if (value === undefined) return undefined;
    values.push(value);
  }
  return values;
}

/** Between 0.5 and 2.5, at every other point below 0: what only holds for positive numbers is not the same. */
function coordinate(name: string, point: number): number {
  const part = createHash('sha256').update(`${point} ${name}`).digest().readUInt32BE(0) / 2 ** 32;
  return (0.5 + 2 * part) * (point % 2 === 1 ? -1 : 1);
}

function real(compute: (...numbers: number[]) => number): (...operands: Complex[]) => Complex | undefined {
  return (...operands) =>
    operands.every(([, imaginary]) => imaginary === 0) ? [compute(...operands.map(([x]) => x)), 0] : undefined;
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 0;
}

function factorial(n: number): number {
  let result = 1;
  for (let i = 2; i <= n; i++) result *= i;
  return result;
}

function choose(n: number, k: number): number {
  let result = 1;
  for (let i = 1; i <= k; i++) result = (result * (n - k + i)) / i;
  return result;
}
