/**
 * Terms of elementary algebra, in a form where numbers are added up, operands sorted and roots taken out of radicals. That
 * makes many equal terms the same text, and none that are unequal; `same.ts` decides of the others.
 */
import {
  printRational,
  type Rational,
  rational,
  power as rationalPower,
  product as rationalProduct,
  sum as rationalSum,
} from '../../rational.ts';

export type Expression =
  | { kind: 'number'; value: Rational }
  | { kind: 'symbol'; name: string }
  | { kind: 'sum'; operands: readonly Expression[] }
  | { kind: 'product'; operands: readonly Expression[] }
  | { kind: 'power'; base: Expression; exponent: Expression }
  | { kind: 'call'; name: string; operands: readonly Expression[] };

export const zero = whole(0);
export const one = whole(1);
export const half: Expression = { kind: 'number', value: { above: 1n, below: 2n } };
const minusOne = whole(-1);

export function whole(value: number): Expression {
  return { kind: 'number', value: { above: BigInt(value), below: 1n } };
}

export function symbol(name: string): Expression {
  return { kind: 'symbol', name };
}

export function sumOf(operands: readonly Expression[]): Expression {
  const { number, others } = folded(operands, 'sum', { above: 0n, below: 1n }, rationalSum);
  if (number.above !== 0n || others.length === 0) others.push({ kind: 'number', value: number });
  return others.length === 1 ? (others[0] as Expression) : { kind: 'sum', operands: sorted(others) };
}

export function productOf(operands: readonly Expression[]): Expression {
  const { number, others } = folded(operands, 'product', { above: 1n, below: 1n }, rationalProduct);
  if (number.above === 0n) return zero;
  const rest = sorted(others);
  if (number.above !== 1n || number.below !== 1n || rest.length === 0) rest.unshift({ kind: 'number', value: number });
  return rest.length === 1 ? (rest[0] as Expression) : { kind: 'product', operands: rest };
}

export function negative(operand: Expression): Expression {
  return productOf([minusOne, operand]);
}

/** A quotient; undefined where it divides by the number 0. */
export function quotientOf(above: Expression, below: Expression): Expression | undefined {
  const inverse = powerOf(below, minusOne);
  return inverse && productOf([above, inverse]);
}

/** A power; undefined where it divides by the number 0, and for 0^0. */
export function powerOf(base: Expression, exponent: Expression): Expression | undefined {
  const asWritten: Expression = { kind: 'power', base, exponent };
  if (exponent.kind !== 'number') return asWritten;
  const { above, below } = exponent.value;
  if (above === 1n && below === 1n) return base;
  if (base.kind === 'power' && base.exponent.kind === 'number' && below === 1n) {
    const joined = rationalProduct(base.exponent.value, exponent.value);
    return joined === undefined ? asWritten : powerOf(base.base, { kind: 'number', value: joined });
  }
  if (base.kind === 'product' && below === 1n) {
    const powers = base.operands.map((operand) => powerOf(operand, exponent));
    return powers.includes(undefined) ? undefined : productOf(powers as Expression[]);
  }
  if (base.kind !== 'number') return above === 0n ? one : asWritten;
  if (below === 1n) {
    if (base.value.above === 0n && above <= 0n) return undefined;
    const value = rationalPower(base.value, above);
    return value === undefined ? asWritten : { kind: 'number', value };
  }
  return below === 2n && base.value.above >= 0n ? (squareRootPower(base.value, above) ?? asWritten) : asWritten;
}

/** A function of operands; factorials and binomials of numbers are numbers, as long as these are not too large. */
export function callOf(name: string, operands: readonly Expression[]): Expression {
  const [n, k] = operands.map(countOf);
  let value: Rational | undefined;
  if (name === 'factorial' && n !== undefined) value = multiplied(n, (i) => rational(i));
  if (name === 'binom' && n !== undefined && k !== undefined) value = multiplied(k, (i) => rational(n - k + i, i));
  return value === undefined ? { kind: 'call', name, operands } : { kind: 'number', value };
}

/** A whole number from 0 to 1,000. */
function countOf(operand: Expression): bigint | undefined {
  if (operand.kind !== 'number' || operand.value.below !== 1n) return undefined;
  return operand.value.above >= 0n && operand.value.above <= 1000n ? operand.value.above : undefined;
}

/** The product of the factors from the first on; undefined once it is too large. */
function multiplied(count: bigint, factorAt: (i: bigint) => Rational | undefined): Rational | undefined {
  let result: Rational | undefined = { above: 1n, below: 1n };
  for (let i = 1n; i <= count && result !== undefined; i++) {
    const factor = factorAt(i);
    result = factor && rationalProduct(result, factor);
  }
  return result;
}

/** q^(n/2) for a small q, with the squares taken out: 8^(1/2) is 2 times 2^(1/2). */
function squareRootPower(value: Rational, above: bigint): Expression | undefined {
  const radicand = value.above * value.below;
  if (radicand > 1_000_000_000n || above > 50n || above < -50n) return undefined;
  let [outside, inside] = [1, Number(radicand)];
  if (inside === 0) return above > 0n ? zero : undefined;
  const root = Math.round(Math.sqrt(inside));
  if (root * root === inside) [outside, inside] = [root, 1];
  for (let factor = 2; factor <= 1000 && factor * factor <= inside; factor++)
    while (inside % (factor * factor) === 0) [outside, inside] = [outside * factor, inside / (factor * factor)];
  // (a/b)^(n/2) = (r s^(1/2) / b)^n, where a b = r^2 s.
  const times = above < 0n ? -above : above;
  const scaled = rational(BigInt(outside), value.below) as Rational;
  const numbers = [
    rationalPower(scaled, above),
    rationalPower({ above: BigInt(inside), below: 1n }, (above - (times % 2n)) / 2n),
  ];
  if (numbers.includes(undefined)) return undefined;
  const outer = numbers.map((each): Expression => ({ kind: 'number', value: each as Rational }));
  if (times % 2n === 0n || inside === 1) return productOf(outer);
  return productOf([...outer, { kind: 'power', base: whole(inside), exponent: half }]);
}

function folded(
  operands: readonly Expression[],
  kind: 'sum' | 'product',
  start: Rational,
  join: (a: Rational, b: Rational) => Rational | undefined,
): { number: Rational; others: Expression[] } {
  let number = start;
  const others: Expression[] = [];
  for (const operand of operands.flatMap((each) => (each.kind === kind ? each.operands : [each]))) {
    const joined = operand.kind === 'number' ? join(number, operand.value) : undefined;
    if (joined === undefined) others.push(operand);
    else number = joined;
  }
  return { number, others };
}

function sorted(operands: readonly Expression[]): Expression[] {
  return operands
    .map((operand) => ({ operand, text: print(operand) }))
    .sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0))
    .map(({ operand }) => operand);
}

/** An expression as text that reads back as the same: `3/2*x^2`, `2*sqrt(2)`, `sin(x)`. */
export function print(expression: Expression): string {
  switch (expression.kind) {
    case 'number':
      return printRational(expression.value);
    case 'symbol':
      return expression.name;
    case 'sum':
      return expression.operands.map(print).join(' + ').replaceAll('+ -', '- ');
    case 'product': {
      const [first, ...rest] = expression.operands as [Expression, ...Expression[]];
      const minus = first.kind === 'number' && first.value.above === -1n && first.value.below === 1n;
      return minus
        ? `-${rest.map(printFactor).join('*')}`
        : [print(first.kind === 'sum' ? grouped(first) : first), ...rest.map(printFactor)].join('*');
    }
    case 'power': {
      const { base, exponent } = expression;
      if (exponent.kind === 'number' && exponent.value.above === 1n && exponent.value.below === 2n)
        return `sqrt(${print(base)})`;
      return `${printAtom(base)}^${printAtom(exponent)}`;
    }
    case 'call':
      return `${expression.name}(${expression.operands.map(print).join(', ')})`;
  }
}

function grouped(expression: Expression): Expression {
  return { kind: 'symbol', name: `(${print(expression)})` };
}

function printFactor(expression: Expression): string {
  const negativeNumber = expression.kind === 'number' && expression.value.above < 0n;
  return expression.kind === 'sum' || negativeNumber ? `(${print(expression)})` : print(expression);
}

function printAtom(expression: Expression): string {
  const text = print(expression);
  const atom =
    expression.kind === 'symbol' || expression.kind === 'call' || (expression.kind === 'number' && /^\d+$/.test(text));
  return atom ? text : `(${text})`;
}
