import type { Random } from '../../random.ts';
import { between, chance } from '../draw.ts';

/** One sum or difference. */
export interface Calculation {
  a: number;
  sign: '+' | '-';
  b: number;
  result: number;
}

/**
 * A sum or a difference, both equally likely; all its numbers are from `least` to `maximum`, the result too, and every
 * such pair of numbers is equally likely.
 */
export function calculation(random: Random, maximum: number, least = 0): Calculation {
  const sign = chance(random, 0.5) ? '+' : '-';
  for (;;) {
    const a = between(random, least, maximum);
    const b = between(random, least, maximum);
    const result = sign === '+' ? a + b : a - b;
    if (result >= least && result <= maximum) return { a, sign, b, result };
  }
}

/** A calculation that goes on from the number `a`, in the same bounds where that is possible; never below 0. */
export function continuation(random: Random, a: number, maximum: number, least = 0): Calculation {
  const canAdd = a + least <= maximum;
  const canTake = a - least >= least;
  const add = canAdd && (!canTake || chance(random, 0.5));
  const b = add ? between(random, least, maximum - a) : between(random, least, canTake ? a - least : a);
  return add ? { a, sign: '+', b, result: a + b } : { a, sign: '-', b, result: a - b };
}

/** `12 + 7 = 19`. */
export function equation({ a, sign, b, result }: Calculation): string {
  return `${a} ${sign} ${b} = ${result}`;
}
