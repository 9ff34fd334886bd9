/**
 * Reads an answer, in LaTeX or plain, into what it means. By hand and bounded: what it takes depends on the length of the
 * answer alone, nothing is evaluated, and no answer makes it wait or throw.
 */
import { type Answer, together } from './answer.ts';
import { type Bracket, cursorOf, NoFormula } from './cursor.ts';
import { type Expression, productOf } from './expression.ts';
import { formulaReader } from './formula.ts';
import { functions } from './numeric.ts';
import { mostCharacters, plainText, type Token, tokenize } from './tokens.ts';
import { canonicalUnit, isUnit, saysUnit } from './unit.ts';

/**
 * The answer that a text states. What is no formula is words: two of these are the same where they are written the same.
 * Undefined for an empty text and for one of more than 1,000 characters.
 */
export function parseAnswer(text: string): Answer | undefined {
  if (text.length > mostCharacters) return undefined;
  const tokens = tokenize(text);
  const words = tokens === undefined ? asWritten(text) : wordsOf(text, tokens);
  if (words !== undefined || tokens === undefined) return words;
  try {
    return readAll(tokens);
  } catch (error) {
    if (!(error instanceof NoFormula)) throw error;
    return asWritten(text);
  }
}

/** Words alone, or a run of letters; undefined where there is something of a formula. */
function wordsOf(text: string, tokens: readonly Token[]): Answer | undefined {
  if (tokens.length > 0 && tokens.every(({ kind }) => kind === 'words'))
    return asWritten(tokens.map((token) => token.text).join(' '));
  const plain = plainText(text);
  const named = tokens.length === 1 && tokens[0]?.kind === 'name';
  // A run of letters is a word, as `no` is, but for those that nobody could say: `xy` is a product.
  const word = /^[a-zA-Z]{2,}$/.test(plain) && (/[aeiou]/i.test(plain) || plain.length > 3);
  const several = tokens.some(({ kind }) => kind === 'words') && /^[a-zA-Z][a-zA-Z' -]*$/.test(plain);
  return (word || several) && !named ? asWritten(text) : undefined;
}

function asWritten(text: string): Answer | undefined {
  const written = plainText(text).replace(/\s+/g, ' ').trim().toLowerCase();
  return written === '' ? undefined : { kind: 'words', text: written };
}

function readAll(tokens: readonly Token[]): Answer {
  const last = tokens.findLastIndex(({ kind, text }) => kind === 'sign' && text === '⇒');
  const stated = tokens.slice(last + 1);
  if (!stated.some(isPlusMinus)) return readAnswer(stated, 1);
  const [plus, minus] = [readAnswer(stated, 1), readAnswer(stated, -1)];
  return together(
    'set',
    [plus, minus].flatMap((answer) => (answer.kind === 'set' ? answer.items : [answer])),
  );
}

function isPlusMinus({ kind, text }: Token): boolean {
  return kind === 'sign' && (text === '±' || text === '∓');
}

const relationSigns: Readonly<Record<string, string>> = {
  '=': '=', '≈': '=', '<': '<', '>': '>', '<=': '<=', '>=': '>=', '!=': '!=', '∈': '∈',
}; // biome-ignore format: a table

/** The answer that tokens are, all of them, with `±` as plus (1) or minus (-1). */
function readAnswer(given: readonly Token[], plusMinus: 1 | -1): Answer {
  const cursor = cursorOf(given);
  const { tokens, sign, take, expect, nested } = cursor;
  const total = formulaReader(cursor, plusMinus);

  function all(): Answer {
    const items = separated();
    if (cursor.at < tokens.length) throw new NoFormula();
    return together('set', items);
  }

  /** Answers with commas between them. */
  function separated(): Answer[] {
    const items = [item()];
    while (take(',', ';')) {
      // A comma before `and` is one separator.
      while (take(','));
      items.push(item());
    }
    return items;
  }

  function item(): Answer {
    const start = cursor.at;
    if (tokens[cursor.at]?.kind === 'words' && tokens[cursor.at + 1]?.text === '=') {
      cursor.at += 2;
      return item();
    }
    const sides = [union()];
    const named = isName(tokens.slice(start, cursor.at));
    const signs: string[] = [];
    for (
      let token = tokens[cursor.at];
      token?.kind === 'sign' && token.text in relationSigns;
      token = tokens[cursor.at]
    ) {
      cursor.at++;
      signs.push(relationSigns[token.text] as string);
      sides.push(union());
    }
    return signs.length === 0 ? (sides[0] as Answer) : { kind: 'relation', sides, signs, named };
  }

  function union(): Answer {
    const items = [part()];
    while (take('∪')) items.push(part());
    return together('union', items);
  }

  function part(): Answer {
    const token = tokens[cursor.at];
    if (token?.kind === 'sign' && token.text.startsWith('begin ')) return matrix();
    if (token?.kind === 'name' && token.text === 'matrix') return plainMatrix();
    if (token?.kind === 'name' && token.text === 'emptyset') {
      cursor.at++;
      return { kind: 'set', items: [] };
    }
    const bracket = cursor.bracket();
    return bracket !== undefined && isStructure(bracket) ? structure(bracket) : quantity();
  }

  /** A bracket holds several answers, or is a set's or an interval's, and no factor of a product. */
  function isStructure({ open, close, end, commas }: Bracket): boolean {
    if (open === '\\{') return true;
    const next = tokens[end + 1];
    const ends =
      next === undefined ||
      (next.kind === 'sign' && (next.text in relationSigns || /^(?:[,;∪)\]}]|\\\}|\\\\|&)$/.test(next.text)));
    return commas && ends && (open === '{') === (close === '}');
  }

  function structure({ open, close }: Bracket): Answer {
    cursor.at++;
    const items = sign(close) ? [] : nested(separated);
    expect(close);
    if (open === '\\{' || open === '{') return together('set', items);
    return { kind: 'tuple', open: open === '[' ? '[' : '(', close: close === ']' ? ']' : ')', items };
  }

  function matrix(): Answer {
    const name = (tokens[cursor.at] as Token).text.slice('begin '.length);
    if (!/^[pb]?matrix$|^array$/.test(name)) throw new NoFormula();
    cursor.at++;
    const rows: Answer[][] = [];
    do {
      if (sign(`end ${name}`)) break;
      const row = [nested(item)];
      while (take('&')) row.push(nested(item));
      rows.push(row);
    } while (take('\\\\'));
    expect(`end ${name}`);
    return { kind: 'matrix', rows };
  }

  /** `matrix([1, 2], [3, 4])`, as matrices are printed. */
  function plainMatrix(): Answer {
    cursor.at++;
    expect('(');
    const rows = nested(separated).map((row) => (row.kind === 'tuple' ? row.items : [row]));
    expect(')');
    return { kind: 'matrix', rows };
  }

  /** A value and its unit, which stands behind it, or before it where it is money. */
  function quantity(): Answer {
    const before = words();
    if (before.length > 0 && (cursor.at === tokens.length || sign(',', ';', ')', ']', '\\}')))
      return { kind: 'words', text: before.join(' ').toLowerCase() };
    // Other words before a value may say that it is not: `not 5`, `less than 5`.
    if (!before.every(isUnit)) throw new NoFormula();
    const start = cursor.at;
    const { expression, unit } = withoutUnit(total());
    // `degree` alone is a word.
    if (unit !== undefined && cursor.at === start + 1) throw new NoFormula();
    const around = [...before, ...(unit === undefined ? words() : [])];
    if (!saysUnit(around)) throw new NoFormula();
    const said = unit ?? canonicalUnit(around);
    return { kind: 'value', expression, ...(said !== undefined && { unit: said }) };
  }

  /** Words, with the powers behind them: `cm`, `^2`. */
  function words(): string[] {
    const found: string[] = [];
    for (let token = tokens[cursor.at]; token?.kind === 'words'; token = tokens[cursor.at]) {
      found.push(token.text);
      cursor.at++;
      const power = unitPower();
      if (power !== undefined) found.push(power);
    }
    return found;
  }

  function unitPower(): string | undefined {
    if (!sign('^')) return undefined;
    const braces = tokens[cursor.at + 1]?.text === '{';
    const digit = tokens[cursor.at + (braces ? 2 : 1)]?.text;
    if (digit !== '2' && digit !== '3') return undefined;
    cursor.at += braces ? 4 : 2;
    return `^${digit}`;
  }

  return all();
}

/** Whether tokens name what an answer is the value of: `x`, `x_1`, `f(x)`, `(x, y)`. */
function isName(tokens: readonly Token[]): boolean {
  const written = tokens
    .map(({ kind, text }) =>
      kind === 'name' && !Object.hasOwn(functions, text) ? 'x' : kind === 'number' ? '1' : text,
    )
    .join('');
  return /^(?:x(?:_\{?[x1]\}?)?'?(?:\(x\))?|\(x(?:,x)*\))$/.test(written);
}

/** A value without the unit that it is multiplied by: of 90 degrees, 90. */
function withoutUnit(expression: Expression): { expression: Expression; unit?: string } {
  // Of one degree the number is not written in a product.
  const factors = expression.kind === 'product' ? expression.operands : [expression];
  const unit = ['percent', 'degree'].find((name) =>
    factors.some((factor) => factor.kind === 'symbol' && factor.name === name),
  );
  if (unit === undefined) return { expression };
  const others = factors.filter((factor) => factor.kind !== 'symbol' || factor.name !== unit);
  return { expression: productOf(others), unit };
}
