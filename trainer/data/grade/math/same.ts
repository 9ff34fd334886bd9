/** Whether two answers mean the same. */
import { toDouble, within } from '../../rational.ts';
import { type Answer, printAnswer } from './answer.ts';
import { add, multiply, scale, size } from './complex.ts';
import { type Expression, negative, print, productOf, sumOf, whole } from './expression.ts';
import { modularValue, prime } from './modular.ts';
import { numericValue } from './numeric.ts';

/** Points at which terms with variables are compared. */
const points = [1, 2, 3, 4];

/** Doubles that agree to this part count as equal: several times what some hundred operations lose. */
const precision = 1e-11;

/**
 * Whether what was said is what was expected. `tolerance` is the part of the expected number by which another may be off.
 * Symmetric, but that an interval may be said where an inequality is expected, and not the other way: repeating the
 * inequality that was to be solved is no answer.
 */
export function sameAnswer(expected: Answer, said: Answer, tolerance = 0): boolean {
  if (printAnswer(expected) === printAnswer(said)) return true;
  if (expected.kind === 'relation' || said.kind === 'relation') return sameRelation(expected, said, tolerance);
  switch (expected.kind) {
    case 'words':
      return false;
    case 'value':
      return said.kind === 'value' && sameQuantity(expected, said, tolerance);
    case 'tuple':
      return (
        said.kind === 'tuple' &&
        expected.open === said.open &&
        expected.close === said.close &&
        inOrder(expected.items, said.items, tolerance)
      );
    case 'set':
    case 'union':
      return said.kind === expected.kind && inAnyOrder(expected.items, said.items, tolerance);
    case 'matrix':
      return (
        said.kind === 'matrix' &&
        expected.rows.length === said.rows.length &&
        expected.rows.every((row, i) => inOrder(row, said.rows[i] ?? [], tolerance))
      );
  }
}

function inOrder(expected: readonly Answer[], said: readonly Answer[], tolerance: number): boolean {
  return expected.length === said.length && expected.every((item, i) => sameAnswer(item, said[i] as Answer, tolerance));
}

/** Each expected one is said, and each said one expected. */
function inAnyOrder(expected: readonly Answer[], said: readonly Answer[], tolerance: number): boolean {
  const left = [...said];
  for (const item of expected) {
    const found = left.findIndex((one) => sameAnswer(item, one, tolerance));
    if (found < 0) return false;
    left.splice(found, 1);
  }
  // Others may be said again in another form.
  return left.every((one) => expected.some((item) => sameAnswer(item, one, tolerance)));
}

type Value = Extract<Answer, { kind: 'value' }>;

/**
 * Units must agree where both are given. Percent is as well a number of hundredths as a unit that may be left out: 50 % is
 * 0.5, and is 50.
 */
function sameQuantity(expected: Value, said: Value, tolerance: number): boolean {
  const [a, b] = [expected.unit, said.unit];
  if (a === undefined || b === undefined || a === b) {
    if (sameValue(expected.expression, said.expression, tolerance)) return true;
  }
  if ((a === 'percent') === (b === 'percent') || (a !== undefined && b !== undefined)) return false;
  return sameValue(inHundredths(expected), inHundredths(said), tolerance);
}

function inHundredths({ expression, unit }: Value): Expression {
  const hundredth: Expression = { kind: 'number', value: { above: 1n, below: 100n } };
  return unit === 'percent' ? productOf([expression, hundredth]) : expression;
}

/** Whether two terms have the same value wherever they have one. */
export function sameValue(expected: Expression, said: Expression, tolerance = 0): boolean {
  if (print(expected) === print(said)) return true;
  if (expected.kind === 'number' && said.kind === 'number') return within(expected.value, said.value, tolerance);
  const exact = sameAtPoints(expected, said);
  if (exact === true) return mayBeSame(expected, said);
  if (exact === false && tolerance === 0) return false;
  return points.every((point) => {
    const [a, b] = [numericValue(expected, point), numericValue(said, point)];
    if (a === undefined || b === undefined) return false;
    const difference = size(add(a, scale(b, -1)));
    if (isNumber(expected, 0) || isNumber(said, 0)) return difference < 1e-14;
    return difference <= Math.max(tolerance * size(a), precision * Math.max(size(a), size(b)));
  });
}

/** Whether doubles have nothing against it: terms that differ by the prime differ by much. */
function mayBeSame(a: Expression, b: Expression): boolean {
  const pairs = points.map((point) => [numericValue(a, point), numericValue(b, point)] as const);
  return pairs.some(([first, second]) => {
    if (first === undefined || second === undefined) return first === second;
    return size(add(first, scale(second, -1))) <= 1e-6 * Math.max(1, size(first), size(second));
  });
}

/** Whether they agree at all points modulo a prime; undefined where that says nothing. */
function sameAtPoints(a: Expression, b: Expression): boolean | undefined {
  for (const point of points) {
    const [first, second] = [modularValue(a, point), modularValue(b, point)];
    if (first === undefined || second === undefined) return undefined;
    if (first !== second) return false;
  }
  return true;
}

function isNumber(expression: Expression, value: number): boolean {
  return expression.kind === 'number' && toDouble(expression.value) === value;
}

type Relation = Extract<Answer, { kind: 'relation' }>;

/**
 * `x = 5` is 5, `x ∈ (1, 2)` is (1, 2), and `2 + 3 = 5` and `AB = 5` said where 5 is expected too. Two equations are the same where one
 * is a multiple of the other, two inequalities where they are once both are read from the small side.
 */
function sameRelation(expected: Answer, said: Answer, tolerance: number): boolean {
  if (expected.kind !== 'relation') {
    const stated = said.kind === 'relation' ? (valueStated(said) ?? valueComputed(said)) : said;
    return stated !== undefined && sameAnswer(expected, stated, tolerance);
  }
  const value = valueStated(expected);
  if (said.kind !== 'relation') {
    if (value !== undefined) return sameAnswer(value, said, tolerance);
    const interval = intervalOf(expected);
    return interval !== undefined && sameAnswer(interval, said, tolerance);
  }
  if (value !== undefined && said.named) {
    const stated = valueStated(said);
    return (
      stated !== undefined &&
      printAnswer(expected.sides[0] as Answer) === printAnswer(said.sides[0] as Answer) &&
      sameAnswer(value, stated, tolerance)
    );
  }
  if (isEquation(expected) && isEquation(said)) return proportional(differenceOf(expected), differenceOf(said));
  const [a, b] = [ascending(expected), ascending(said)];
  return a.signs.join() === b.signs.join() && inOrder(a.sides, b.sides, tolerance);
}

/** What a relation says a name is: the last side, where all signs are `=`, or the only sign is `∈`. */
function valueStated({ sides, signs, named }: Relation): Answer | undefined {
  return named && (signs.every((sign) => sign === '=') || signs.join() === '∈') ? sides.at(-1) : undefined;
}

/**
 * The last side of a chain of `=`, where the others are its calculation (`2+3`) or what is asked for (`AB`, `P(A)`). An
 * equation with unknowns, `x-3z=0`, is not solved by that, and is not 0.
 */
function valueComputed({ sides, signs }: Relation): Answer | undefined {
  const value = sides.at(-1) as Answer;
  const isAsked = (side: Answer) => {
    if (side.kind !== 'value') return true;
    const { kind } = side.expression;
    const factors = kind === 'product' ? side.expression.operands : [];
    return (
      kind === 'symbol' || kind === 'call' || (factors.length > 0 && !factors.some((each) => each.kind === 'number'))
    );
  };
  const isChain = signs.every((sign) => sign === '=');
  return isChain && sides.slice(0, -1).every((side) => isAsked(side) || sameAnswer(value, side)) ? value : undefined;
}

function isEquation({ sides, signs }: Relation): boolean {
  return signs.join() === '=' && sides.every((side) => side.kind === 'value');
}

function differenceOf({ sides }: Relation): Expression {
  const [left, right] = sides as [Value, Value];
  return sumOf([left.expression, negative(right.expression)]);
}

/** Whether one term is the other times a number that is not 0. */
function proportional(a: Expression, b: Expression): boolean {
  const exact = points.map((point) => [modularValue(a, point), modularValue(b, point)] as const);
  if (exact.every((pair) => !pair.includes(undefined))) {
    const [[a1, b1], ...others] = exact as [[bigint, bigint], ...[bigint, bigint][]];
    return a1 !== 0n && b1 !== 0n && others.every(([a2, b2]) => (a1 * b2 - a2 * b1) % prime === 0n);
  }
  const values = points.map((point) => [numericValue(a, point), numericValue(b, point)] as const);
  const [first, ...others] = values;
  if (first === undefined || first[0] === undefined || first[1] === undefined) return false;
  const [a1, b1] = first;
  return others.every(([a2, b2]) => {
    if (a2 === undefined || b2 === undefined) return false;
    const [left, right] = [multiply(a1, b2), multiply(a2, b1)];
    return size(left) > 0 && size(add(left, scale(right, -1))) <= precision * size(left);
  });
}

/** The relation read from its small side: `x > 2` as `2 < x`. */
function ascending(relation: Relation): Relation {
  const turned: Readonly<Record<string, string>> = { '>': '<', '>=': '<=' };
  if (!relation.signs.every((sign) => sign in turned)) return relation;
  const signs = relation.signs.map((sign) => turned[sign] as string).reverse();
  return { ...relation, sides: [...relation.sides].reverse(), signs };
}

/** The values of a variable for which an inequality holds: of `1 < x <= 2`, (1, 2]. */
function intervalOf(relation: Relation): Answer | undefined {
  const { sides, signs } = ascending(relation);
  if (!signs.every((sign) => sign === '<' || sign === '<=')) return undefined;
  const isVariable = (side: Answer | undefined) => side?.kind === 'value' && side.expression.kind === 'symbol';
  const infinity: Expression = { kind: 'symbol', name: 'infinity' };
  const ends = (low: Answer, high: Answer, open: '(' | '[', close: ')' | ']'): Answer => ({
    kind: 'tuple',
    open,
    close,
    items: [low, high],
  });
  const [first, second, third] = sides as [Answer, Answer, Answer | undefined];
  const [left, right] = signs.map((sign) => sign === '<=');
  if (third !== undefined)
    return sides.length === 3 && isVariable(second)
      ? ends(first, third, left ? '[' : '(', right ? ']' : ')')
      : undefined;
  const lowest: Answer = { kind: 'value', expression: productOf([whole(-1), infinity]) };
  if (isVariable(first)) return ends(lowest, second, '(', left ? ']' : ')');
  return isVariable(second) ? ends(first, { kind: 'value', expression: infinity }, left ? '[' : '(', ')') : undefined;
}
