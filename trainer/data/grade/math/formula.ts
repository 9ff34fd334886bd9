import { rational, readRational, sum } from '../../rational.ts';
import { type Cursor, NoFormula } from './cursor.ts';
import {
  callOf,
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
import { knownNames, type Token } from './tokens.ts';

/**
 * Reads terms at a cursor, with `±` as plus (1) or minus (-1): sums of products of factors, as far as they go. LaTeX's
 * commands and what people write instead are the same; a product needs no sign.
 *
 * @throws NoFormula from what it returns, where there is none.
 */
export function formulaReader(cursor: Cursor, plusMinus: 1 | -1): () => Expression {
  const { tokens, sign, take, expect, nested } = cursor;
  /** Open vertical bars: inside, a bar closes. */
  let bars = 0;

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
        const before = tokens[cursor.at - 1];
        const here = tokens[cursor.at];
        // Two numbers side by side are none, but for 3 1/2.
        if (before?.kind === 'number' && here?.kind === 'number') result = mixedNumber(result);
        else result = productOf([result, factor()]);
      } else return result;
    }
  }

  function mixedNumber(before: Expression): Expression {
    const [above, slash, below] = tokens.slice(cursor.at, cursor.at + 3);
    const digits = (token: Token | undefined) => token?.kind === 'number' && /^\d+$/.test(token.text);
    if (!digits(above) || slash?.text !== '/' || !digits(below)) throw new NoFormula();
    cursor.at += 3;
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
    const token = tokens[cursor.at];
    if (token === undefined || token.kind === 'words') return false;
    if (token.kind !== 'sign') return true;
    return /^[({[⌊⌈]$/.test(token.text) || (token.text === '|' && bars === 0);
  }

  /** A base with what stands behind it: powers, factorials, percent, degrees. */
  function factor(): Expression {
    let result = tokens[cursor.at]?.kind === 'number' ? mixedOrNot() : base();
    for (;;) {
      if (take('!')) result = callOf('factorial', [result]);
      else if (take('°')) result = productOf([result, symbol('degree')]);
      else if (sign('^')) {
        cursor.at++;
        if (take('°')) result = productOf([result, symbol('degree')]);
        else if (sign('{') && tokens[cursor.at + 1]?.text === '°' && tokens[cursor.at + 2]?.text === '}') {
          cursor.at += 3;
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
    const token = tokens[cursor.at];
    if (token === undefined || token.kind === 'words') throw new NoFormula();
    if (token.kind === 'number') return readNumber(token);
    if (token.kind === 'name') return readName(token.text);
    if (token.text === '|') {
      cursor.at++;
      bars++;
      const inside = nested(total);
      expect('|');
      bars--;
      return { kind: 'call', name: 'abs', operands: [inside] };
    }
    const around: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}', '⌊': '⌋', '⌈': '⌉' };
    const close = around[token.text];
    if (close === undefined) throw new NoFormula();
    cursor.at++;
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
    cursor.at++;
    const value = token.repeated === undefined ? numberOf(token.text) : repeating(token.text, token.repeated);
    return take('_') ? symbol(`${token.text}_${subscript()}`) : value;
  }

  /** A number; 3\frac{1}{2} is a mixed one, as 3 1/2 is, but not where 3 is an exponent or what a command takes. */
  function mixedOrNot(): Expression {
    const whole = (tokens[cursor.at] as Token).text;
    const value = base();
    const next = tokens[cursor.at];
    if (next?.kind !== 'name' || next.text !== 'frac' || !/^\d+$/.test(whole)) return value;
    const start = cursor.at;
    const fraction = readName('frac');
    const plain = tokens
      .slice(start + 1, cursor.at)
      .every(({ kind, text }) => kind === 'number' || /^[{}]$/.test(text));
    return plain ? mixed(value, fraction) : productOf([value, fraction]);
  }

  function readName(name: string): Expression {
    cursor.at++;
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
        return callOf(name, operands);
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
    const bracket = cursor.bracket();
    if (base === undefined && bracket?.open === '(' && bracket.commas)
      return { kind: 'call', name: 'log', operands: operandsInBrackets() };
    return { kind: 'call', name: 'log', operands: [base ?? whole(10), functionArgument()] };
  }

  /** `\sin x`, `\sin^2 x`, `\sin(x)`; `\sin^{-1} x` is the inverse function and no power. */
  function call(name: string): Expression {
    const power = take('^') ? exponent() : one;
    const operands = sign('(') ? operandsInBrackets() : [functionArgument()];
    if (power.kind === 'number' && power.value.above === -1n && power.value.below === 1n) {
      if (!Object.hasOwn(inverses, name)) throw new NoFormula();
      return callOf(inverses[name] as string, operands);
    }
    return defined(powerOf(callOf(name, operands), power));
  }

  /** The factors behind a function's name, up to the next function or operator. */
  function functionArgument(): Expression {
    if (sign('(')) return operandsInBrackets()[0] as Expression;
    let result = nested(signedFactor);
    while (
      beginsFactor() &&
      !(tokens[cursor.at]?.kind === 'name' && Object.hasOwn(functions, tokens[cursor.at]?.text as string))
    )
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
    const token = tokens[cursor.at];
    if (token?.kind !== 'number' || token.text.length === 1) return nested(base);
    // More digits than one in a token: TeX takes the first.
    cursor.split();
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
    const token = tokens[cursor.at++];
    if (token === undefined || token.kind === 'sign') throw new NoFormula();
    if (braces) expect('}');
    return token.text;
  }

  return total;
}

const inverses: Readonly<Record<string, string>> = { sin: 'arcsin', cos: 'arccos', tan: 'arctan' };

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
