/** Exact numbers, of at most some 300 digits: what takes more is no answer, and costs nothing. */

/** A fraction in lowest terms; `below` is above 0. */
export interface Rational {
  above: bigint;
  below: bigint;
}

/** Numbers are below 2 to this power, above and below the line. */
const mostBits = 1000;

const limit = 1n << BigInt(mostBits);
const mostDigits = 300;

/** The fraction in lowest terms; undefined where it divides by 0 or is too large. */
export function rational(above: bigint, below = 1n): Rational | undefined {
  if (below === 0n) return undefined;
  if (below < 0n) return rational(-above, -below);
  const common = greatestCommonDivisor(above < 0n ? -above : above, below);
  const reduced = { above: above / common, below: below / common };
  const large = reduced.above >= limit || reduced.above <= -limit || reduced.below >= limit;
  return large ? undefined : reduced;
}

export function sum(a: Rational, b: Rational): Rational | undefined {
  return rational(a.above * b.below + b.above * a.below, a.below * b.below);
}

export function product(a: Rational, b: Rational): Rational | undefined {
  return rational(a.above * b.above, a.below * b.below);
}

/** a to a whole power; undefined where it divides by 0 or would be too large, which it says without computing it. */
export function power(a: Rational, exponent: bigint): Rational | undefined {
  if (exponent < 0n) return a.above === 0n ? undefined : power(rational(a.below, a.above) as Rational, -exponent);
  const size = a.above < 0n ? -a.above : a.above;
  const bits = BigInt((size > a.below ? size : a.below).toString(2).length - 1);
  if (bits * exponent > BigInt(mostBits)) return undefined;
  // Of 0, 1 and -1 every power is small, and only whether it is even or odd counts.
  const times = bits === 0n ? (exponent > 0n ? 2n - (exponent % 2n) : 0n) : exponent;
  return rational(a.above ** times, a.below ** times);
}

/** `7`, `-3/4`. */
export function printRational({ above, below }: Rational): string {
  return below === 1n ? `${above}` : `${above}/${below}`;
}

/** The nearest double. */
export function toDouble({ above, below }: Rational): number {
  return Number(above) / Number(below);
}

/** Whether two numbers differ by no more than the part `tolerance` of the first; exactly, whatever the tolerance. */
export function within(expected: Rational, said: Rational, tolerance: number): boolean {
  const difference = expected.above * said.below - said.above * expected.below;
  if (difference === 0n) return true;
  const scale = 10n ** 12n;
  const size = (value: bigint) => (value < 0n ? -value : value);
  return size(difference) * scale <= size(expected.above) * said.below * BigInt(Math.round(tolerance * 1e12));
}

/** The value of a decimal number, `1,200.50`, `.5`, `1.5e-3`, and of a fraction of whole numbers, `3/4`; undefined for anything else. */
export function readRational(text: string): Rational | undefined {
  const match = /^([-−+]?)(\d{1,3}(?:,\d{3})+|\d*)(?:\.(\d*))?(?:e([-+]?\d{1,3}))?(?:\s*\/\s*(\d+))?$/i.exec(text);
  if (match === null) return undefined;
  const [, sign = '', whole = '', decimals = '', exponent = '0', denominator = '1'] = match;
  const digits = whole.replaceAll(',', '') + decimals;
  if (digits === '' || digits.length > mostDigits || denominator.length > mostDigits) return undefined;
  const above = BigInt(digits) * (sign === '-' || sign === '−' ? -1n : 1n);
  const shift = BigInt(Number(exponent) - decimals.length);
  return shift < 0n
    ? rational(above, BigInt(denominator) * 10n ** -shift)
    : rational(above * 10n ** shift, BigInt(denominator));
}

/**
 * The exact value of a decimal number or a fraction, as one text for equal values: `1,200.50` and `2401/2` are both `2401/2`.
 * Undefined for what is no plain number, or one of more than some 300 digits.
 */
export function canonicalNumber(text: string): string | undefined {
  const written = text.trim();
  if (!/^[-−+]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:\s*\/\s*\d+)?$/.test(written)) return undefined;
  const value = readRational(written);
  return value === undefined ? undefined : printRational(value);
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  while (b !== 0n) [a, b] = [b, a % b];
  return a;
}
