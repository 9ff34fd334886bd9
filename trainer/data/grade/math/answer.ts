/** What an answer can be: a value with its unit, words, or values put together. */
import { type Expression, print } from './expression.ts';
import { isUnit } from './unit.ts';

export type Answer =
  | { kind: 'value'; expression: Expression; unit?: string }
  /** A word or a few, in small letters; or what is no formula that is understood, as it stands. */
  | { kind: 'words'; text: string }
  /** A point, a list or an interval: the order counts, and so do the brackets. */
  | { kind: 'tuple'; open: '(' | '['; close: ')' | ']'; items: readonly Answer[] }
  /** A set, or answers with commas between them. */
  | { kind: 'set'; items: readonly Answer[] }
  | { kind: 'union'; items: readonly Answer[] }
  | { kind: 'matrix'; rows: readonly (readonly Answer[])[] }
  /** `1 < x <= 2`: signs between sides. `named` when the first is but what the others are the value of: `x`, `f(x)`. */
  | { kind: 'relation'; sides: readonly Answer[]; signs: readonly string[]; named: boolean };

/** An answer in one form, which reads back as the same: `1/2`, `5 cm`, `{1, 2}`, `(1, 2]`. */
export function printAnswer(answer: Answer): string {
  switch (answer.kind) {
    case 'value':
      if (answer.unit === undefined) return print(answer.expression);
      return print(answer.expression) + printUnit(answer.unit);
    case 'words':
      return answer.text;
    case 'tuple':
      return `${answer.open}${answer.items.map(printAnswer).join(', ')}${answer.close}`;
    case 'set':
      return answer.items.length === 0 ? 'emptyset' : `{${answer.items.map(printAnswer).join(', ')}}`;
    case 'union':
      return answer.items.map(printAnswer).join(' union ');
    case 'matrix':
      return `matrix(${answer.rows.map((row) => `[${row.map(printAnswer).join(', ')}]`).join(', ')})`;
    case 'relation':
      return answer.sides.map((side, i) => (i === 0 ? '' : ` ${answer.signs[i - 1]} `) + printAnswer(side)).join('');
  }
}

/** Several answers in no order, each once; of one, that one. */
export function together(kind: 'set' | 'union', items: readonly Answer[]): Answer {
  const distinct = [...new Map(items.map((item) => [printAnswer(item), item])).entries()];
  const sorted = distinct.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item);
  return sorted.length === 1 ? (sorted[0] as Answer) : { kind, items: sorted };
}

/** A unit as it is read again: in `\text{…}` where its letters could be variables. */
function printUnit(unit: string): string {
  if (unit === 'percent') return '%';
  const plain = unit.replace(/\^\d$/, '');
  const clear = (plain.length > 1 && isUnit(plain)) || /^[a-z]{4,}(?: [a-z]{4,})*$/.test(plain);
  return clear ? ` ${unit}` : ` \\text{${plain}}${unit.slice(plain.length)}`;
}
