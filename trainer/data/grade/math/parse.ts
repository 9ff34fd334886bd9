/**
 * Reads an answer, in LaTeX or plain, into what it means. By hand and bounded: what it takes depends on the length of the
 * answer alone, nothing is evaluated, and no answer makes it wait or throw.
 */
import { rational, readRational, sum } from '../../rational.ts';
import { type Answer, together } from './answer.ts';
import {
  type Expression,
  half,
  negative,
  one,
  powerOf,
  productOf,
  quotientOf,
  sumOf,
  symbol,
  whole,
} from './expression.ts';
import { functions } from './numeric.ts';
import { knownNames, mostCharacters, plainText, type Token, tokenize } from './tokens.ts';
import { canonicalUnit } from './unit.ts';

/** Brackets in brackets, at most. */
const deepest = 40;

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

/** Thrown inside this file where tokens are no formula, and caught in it. */
class NoFormula extends Error {}

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
  if (!stated.some(isPlusMinus)) return parser(stated, 1).all();
  const [plus, minus] = [parser(stated, 1).all(), parser(stated, -1).all()];
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

/** Reads tokens with `±` as plus (1) or minus (-1). */
function parser(given: readonly Token[], plusMinus: 1 | -1): { all(): Answer } {
  const tokens = [...given];
  const closings = matchingBrackets(tokens);
  let at = 0;
  let depth = 0;
  /** Open vertical bars: inside, a bar closes. */
  let bars = 0;

  function sign(...texts: string[]): boolean {
    const token = tokens[at];
    return token?.kind === 'sign' && texts.includes(token.text);
  }

  function take(...texts: string[]): boolean {
    if (!sign(...texts)) return false;
    at++;
    return true;
  }

  function expect(...texts: string[]): void {
    if (!take(...texts)) throw new NoFormula();
  }

  function nested<T>(read: () => T): T {
    if (++depth > deepest) throw new NoFormula();
    const result = read();
    depth--;
    return result;
  }

  function all(): Answer {
    const items = separated();
    if (at < tokens.length) throw new NoFormula();
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
    const start = at;
    if (tokens[at]?.kind === 'words' && tokens[at + 1]?.text === '=') {
      at += 2;
      return item();
    }
    const sides = [union()];
    const named = isName(tokens.slice(start, at));
    const signs: string[] = [];
    for (let token = tokens[at]; token?.kind === 'sign' && token.text in relationSigns; token = tokens[at]) {
      at++;
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
    const token = tokens[at];
    if (token?.kind === 'sign' && token.text.startsWith('begin ')) return matrix();
    if (token?.kind === 'name' && token.text === 'matrix') return plainMatrix();
    if (token?.kind === 'name' && token.text === 'emptyset') {
      at++;
      return { kind: 'set', items: [] };
    }
    const bracket = closings.get(at);
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
    at++;
    const items = sign(close) ? [] : nested(separated);
    expect(close);
    if (open === '\\{' || open === '{') return together('set', items);
    return { kind: 'tuple', open: open === '[' ? '[' : '(', close: close === ']' ? ']' : ')', items };
  }

  function matrix(): Answer {
    const name = (tokens[at] as Token).text.slice('begin '.length);
    if (!/^[pb]?matrix$|^array$/.test(name)) throw new NoFormula();
    at++;
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
    at++;
    expect('(');
    const rows = nested(separated).map((row) => (row.kind === 'tuple' ? row.items : [row]));
    expect(')');
    return { kind: 'matrix', rows };
  }

  /** A value and its unit, which stands behind it, or before it where it is money. */
  function quantity(): Answer {
    const before = words();
    if (before.length > 0 && (at === tokens.length || sign(',', ';', ')', ']', '\\}')))
      return { kind: 'words', text: before.join(' ').toLowerCase() };
    const { expression, unit } = withoutUnit(total());
    const said = unit ?? canonicalUnit([...before, ...words()]);
    return { kind: 'value', expression, ...(said !== undefined && { unit: said }) };
  }

  /** Words, with the powers behind them: `cm`, `^2`. */
  function words(): string[] {
    const found: string[] = [];
    for (let token = tokens[at]; token?.kind === 'words'; token = tokens[at]) {
      found.push(token.text);
      at++;
      const power = sign('^')
        ? /^\^\{?([23])\}?$/.exec(
            tokens
              .slice(at, at + 4)
              .map(({ text }) => text)
              .join('')
              .slice(0, tokens[at + 1]?.text === '{' ? 4 : 2),
          )
        : null;
      if (power === null) continue;
      found.push(`^${power[1]}`);
      at += power[0].length;
    }
    return found;
  }

  function total(): Expression {
    const terms: Expression[] = [];
    let factor: 1 | -1 = 1;
    if (take('-')) factor = -1;
    else if (take('±')) factor = plusMinus;
    else if (take('∓')) factor = plusMinus === 1 ? -1 : 1;
    else take('+');
    for (;;) {
      const term = nested(products);
      terms.push(factor === 1 ? term : negative(term));
      if (take('+')) factor = 1;
      else if (take('-')) factor = -1;
      else if (take('±')) factor = plusMinus;
      else if (take('∓')) factor = plusMinus === 1 ? -1 : 1;
      else return sumOf(terms);
    }
  }

  function products(): Expression {
    let result = factor();
    for (;;) {
      if (take('*')) result = productOf([result, signedFactor()]);
      else if (take('%')) result = productOf([result, symbol('percent')]);
      else if (take('/')) result = defined(quotientOf(result, signedFactor()));
      else if (beginsFactor()) {
        const before = tokens[at - 1];
        const here = tokens[at];
        // Two numbers side by side are none, but for 3 1/2.
        if (before?.kind === 'number' && here?.kind === 'number') result = mixedNumber(result);
        else result = productOf([result, factor()]);
      } else return result;
    }
  }

  function mixedNumber(before: Expression): Expression {
    const [above, slash, below] = tokens.slice(at, at + 3);
    const digits = (token: Token | undefined) => token?.kind === 'number' && /^\d+$/.test(token.text);
    if (!digits(above) || slash?.text !== '/' || !digits(below)) throw new NoFormula();
    at += 3;
    return mixed(before, numberOf(`${above?.text}/${below?.text}`));
  }

  function mixed(before: Expression, fraction: Expression): Expression {
    if (before.kind !== 'number' || before.value.below !== 1n || before.value.above < 0n || fraction.kind !== 'number')
      throw new NoFormula();
    return numberFrom(sum(before.value, fraction.value));
  }

  function signedFactor(): Expression {
    if (take('-')) return negative(nested(signedFactor));
    take('+');
    return factor();
  }

  function beginsFactor(): boolean {
    const token = tokens[at];
    if (token === undefined || token.kind === 'words') return false;
    if (token.kind !== 'sign') return true;
    return /^[({[⌊⌈]$/.test(token.text) || (token.text === '|' && bars === 0);
  }

  /** A base with what stands behind it: powers, factorials, percent, degrees. */
  function factor(): Expression {
    let result = base();
    for (;;) {
      if (take('!')) result = { kind: 'call', name: 'factorial', operands: [result] };
      else if (take('°')) result = productOf([result, symbol('degree')]);
      else if (sign('^')) {
        at++;
        if (take('°')) result = productOf([result, symbol('degree')]);
        else if (sign('{') && tokens[at + 1]?.text === '°' && tokens[at + 2]?.text === '}') {
          at += 3;
          result = productOf([result, symbol('degree')]);
        } else result = defined(powerOf(result, exponent()));
      } else return result;
    }
  }

  /** What stands behind `^`: a group, or one sign; `2^-1` and `2^10` are read as they are meant. */
  function exponent(): Expression {
    if (take('-')) return negative(nested(exponent));
    return nested(base);
  }

  function base(): Expression {
    const token = tokens[at];
    if (token === undefined || token.kind === 'words') throw new NoFormula();
    if (token.kind === 'number') return readNumber(token);
    if (token.kind === 'name') return readName(token.text);
    if (token.text === '|') {
      at++;
      bars++;
      const inside = nested(total);
      expect('|');
      bars--;
      return { kind: 'call', name: 'abs', operands: [inside] };
    }
    const around: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}', '⌊': '⌋', '⌈': '⌉' };
    const close = around[token.text];
    if (close === undefined) throw new NoFormula();
    at++;
    const outer = bars;
    bars = 0;
    const inside = nested(total);
    bars = outer;
    expect(close);
    if (token.text === '⌊' || token.text === '⌈')
      return { kind: 'call', name: token.text === '⌊' ? 'floor' : 'ceil', operands: [inside] };
    return inside;
  }

  function readNumber(token: Extract<Token, { kind: 'number' }>): Expression {
    at++;
    const value = token.repeated === undefined ? numberOf(token.text) : repeating(token.text, token.repeated);
    if (take('_')) return symbol(`${token.text}_${subscript()}`);
    const next = tokens[at];
    // 3\frac{1}{2} is a mixed number, as 3 1/2 is.
    if (next?.kind !== 'name' || next.text !== 'frac' || !/^\d+$/.test(token.text)) return value;
    const start = at;
    const fraction = readName('frac');
    const plain = tokens.slice(start + 1, at).every(({ kind, text }) => kind === 'number' || /^[{}]$/.test(text));
    return plain ? mixed(value, fraction) : productOf([value, fraction]);
  }

  function readName(name: string): Expression {
    at++;
    switch (name) {
      case 'frac':
        return defined(quotientOf(argument(), argument()));
      case 'sqrt': {
        const index = take('[') ? nested(total) : undefined;
        if (index !== undefined) expect(']');
        return rootOf(index ?? whole(2), argument());
      }
      case 'binom': {
        const operands = sign('(') ? operandsInBrackets() : [argument(), argument()];
        return { kind: 'call', name, operands };
      }
      case 'log':
      case 'lg':
        return logarithm();
      case 'root': {
        const [index, radicand] = operandsInBrackets();
        if (index === undefined || radicand === undefined) throw new NoFormula();
        return rootOf(index, radicand);
      }
      case 'overline':
      case 'bar':
        return { kind: 'call', name: 'bar', operands: [argument()] };
      default:
        return Object.hasOwn(functions, name) ? call(name) : variable(name);
    }
  }

  function rootOf(index: Expression, radicand: Expression): Expression {
    if (index.kind === 'number' && index.value.above === 2n && index.value.below === 1n)
      return defined(powerOf(radicand, half));
    return { kind: 'call', name: 'root', operands: [index, radicand] };
  }

  function logarithm(): Expression {
    const base = take('_') ? argument() : undefined;
    const bracket = closings.get(at);
    if (base === undefined && bracket?.open === '(' && bracket.commas)
      return { kind: 'call', name: 'log', operands: operandsInBrackets() };
    return { kind: 'call', name: 'log', operands: [base ?? whole(10), functionArgument()] };
  }

  /** `\sin x`, `\sin^2 x`, `\sin(x)`. */
  function call(name: string): Expression {
    const power = take('^') ? exponent() : one;
    const operands = sign('(') ? operandsInBrackets() : [functionArgument()];
    return defined(powerOf({ kind: 'call', name, operands }, power));
  }

  /** The factors behind a function's name, up to the next function or operator. */
  function functionArgument(): Expression {
    if (sign('(')) return operandsInBrackets()[0] as Expression;
    let result = nested(signedFactor);
    while (beginsFactor() && !(tokens[at]?.kind === 'name' && Object.hasOwn(functions, tokens[at]?.text as string)))
      result = productOf([result, nested(factor)]);
    return result;
  }

  function operandsInBrackets(): Expression[] {
    expect('(');
    const operands = [nested(total)];
    while (take(',')) operands.push(nested(total));
    expect(')');
    return operands;
  }

  /** What a command takes: a group, or one digit or sign, so that \frac12 is one half. */
  function argument(): Expression {
    const token = tokens[at];
    if (token?.kind !== 'number' || token.text.length === 1) return nested(base);
    // More digits than one in a token: TeX takes the first.
    const [first, ...rest] = token.text;
    const left: Token = { kind: 'number', text: rest.join('') };
    tokens.splice(at, 1, { kind: 'number', text: first as string }, left);
    shiftBrackets(closings, at);
    return nested(base);
  }

  function variable(name: string): Expression {
    if (name.length > 1 && !knownNames.has(name)) throw new NoFormula();
    const primes = take("'") ? "'" : '';
    if (take('_')) return symbol(`${name}_${subscript()}${primes}`);
    return symbol(name + primes);
  }

  function subscript(): string {
    const braces = take('{');
    const token = tokens[at++];
    if (token === undefined || token.kind === 'sign') throw new NoFormula();
    if (braces) expect('}');
    return token.text;
  }

  return { all };
}

/** A bracket that is opened: which closes it, where, and whether commas stand between, in no inner bracket. */
interface Bracket {
  open: string;
  close: string;
  end: number;
  commas: boolean;
}

/** The brackets by the places where they are opened. Intervals are closed by another kind than they were opened with. */
function matchingBrackets(tokens: readonly Token[]): Map<number, Bracket> {
  const closings = new Map<number, Bracket>();
  const opened: { start: number; open: string; commas: boolean }[] = [];
  for (const [end, { kind, text }] of tokens.entries()) {
    if (kind !== 'sign') continue;
    const innermost = opened.at(-1);
    if (/^(?:[([{⟨]|\\\{)$/.test(text)) opened.push({ start: end, open: text, commas: false });
    else if ((text === ',' || text === ';') && innermost) innermost.commas = true;
    else if (/^(?:[)\]}⟩]|\\\})$/.test(text) && innermost) {
      opened.pop();
      closings.set(innermost.start, { open: innermost.open, close: text, end, commas: innermost.commas });
    }
  }
  return closings;
}

/** Makes room for one more token at a place. */
function shiftBrackets(closings: Map<number, Bracket>, place: number): void {
  const moved = [...closings].map(
    ([start, bracket]) =>
      [
        start > place ? start + 1 : start,
        { ...bracket, end: bracket.end > place ? bracket.end + 1 : bracket.end },
      ] as const,
  );
  closings.clear();
  for (const [start, bracket] of moved) closings.set(start, bracket);
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
  if (expression.kind !== 'product') return { expression };
  const unit = ['percent', 'degree'].find((name) =>
    expression.operands.some((operand) => operand.kind === 'symbol' && operand.name === name),
  );
  if (unit === undefined) return { expression };
  const others = expression.operands.filter((operand) => operand.kind !== 'symbol' || operand.name !== unit);
  return { expression: productOf(others), unit };
}

function repeating(digits: string, repeated: string): Expression {
  const [, decimals = ''] = digits.split('.');
  const start = digits === '.' ? { above: 0n, below: 1n } : readRational(digits);
  if (repeated.length + decimals.length > 100 || start === undefined) throw new NoFormula();
  const tail = rational(BigInt(repeated), (10n ** BigInt(repeated.length) - 1n) * 10n ** BigInt(decimals.length));
  return numberFrom(tail && sum(start, tail));
}

function numberOf(text: string): Expression {
  return numberFrom(readRational(text));
}

function numberFrom(value: ReturnType<typeof readRational>): Expression {
  if (value === undefined) throw new NoFormula();
  return { kind: 'number', value };
}

function defined(expression: Expression | undefined): Expression {
  if (expression === undefined) throw new NoFormula();
  return expression;
}
