/**
 * Arithmetic modulo a prime, to decide whether two rational functions are the same: at a point chosen by hashing they agree
 * if they are, and else with a chance of their degree over 2^64 (Schwartz 1980, Zippel 1979). Numbers never grow, so no
 * answer is too large to look at. Pi and e are variables there, which no polynomial with rational coefficients tells apart
 * from what they are; i is a root of -1.
 */
import { createHash } from 'node:crypto';
import type { Expression } from './expression.ts';

/** 2^64 - 59, a prime that is 1 modulo 4, so that -1 has a root. */
export const prime = 18446744073709551557n;
const rootOfMinusOne = findRootOfMinusOne();

/** More bits than these has no exponent, so that degrees stay far below the prime. */
const exponentBits = 32;

/** The value at a point, by its number; undefined where a part is no rational function, or divides by 0. */
export function modularValue(expression: Expression, point: number): bigint | undefined {
  switch (expression.kind) {
    case 'number': {
      const below = inverse(modulo(expression.value.below));
      return below && (modulo(expression.value.above) * below) % prime;
    }
    case 'symbol':
      return expression.name === 'i' ? rootOfMinusOne : coordinate(expression.name, point);
    case 'sum':
      return joined(expression.operands, point, 0n, (a, b) => a + b);
    case 'product':
      return joined(expression.operands, point, 1n, (a, b) => a * b);
    case 'power': {
      const { base, exponent } = expression;
      if (exponent.kind !== 'number' || exponent.value.below !== 1n) return undefined;
      const { above } = exponent.value;
      const times = above < 0n ? -above : above;
      if (times >> BigInt(exponentBits) !== 0n) return undefined;
      const value = modularValue(base, point);
      const positive = value === undefined ? undefined : raised(value, times);
      return positive === undefined || above >= 0n ? positive : inverse(positive);
    }
    case 'call':
      return undefined;
  }
}

function joined(
  operands: readonly Expression[],
  point: number,
  start: bigint,
  join: (a: bigint, b: bigint) => bigint,
): bigint | undefined {
  let result = start;
  for (const operand of operands) {
    const value = modularValue(operand, point);
    if (value === undefined) return undefined;
    result = join(result, value) % prime;
  }
  return result;
}

function coordinate(name: string, point: number): bigint {
  return createHash('sha256').update(`${point} ${name}`).digest().readBigUInt64BE(0) % prime;
}

function modulo(value: bigint): bigint {
  return ((value % prime) + prime) % prime;
}

function raised(base: bigint, exponent: bigint): bigint {
  let [result, square] = [1n, base];
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % prime;
    square = (square * square) % prime;
  }
  return result;
}

function inverse(value: bigint): bigint | undefined {
  return value === 0n ? undefined : raised(value, prime - 2n);
}

/** g^((p - 1) / 4) of the first g that is no square. */
function findRootOfMinusOne(): bigint {
  let candidate = 2n;
  while (raised(candidate, (prime - 1n) / 2n) === 1n) candidate += 1n;
  return raised(candidate, (prime - 1n) / 4n);
}
