/** A value that a Python literal can stand for here. */
export type LiteralValue = number | string | boolean | readonly LiteralValue[];

/** The value as Python's `repr` writes it: `[1, 2]`, `'ab'`, `True`. */
export function pythonLiteral(value: LiteralValue): string {
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string')
    return value.includes("'") && !value.includes('"') ? `"${value}"` : `'${value.replace(/['\\]/g, '\\$&')}'`;
  return `[${value.map(pythonLiteral).join(', ')}]`;
}

/** The exact value of a decimal number or a fraction, as one text for equal values: `1,200.50` and `2401/2` are both `2401/2`. */
export function canonicalNumber(text: string): string | undefined {
  const match = /^([-−+]?)((?:\d{1,3}(?:,\d{3})+|\d+)?)(?:\.(\d+))?(?:\s*\/\s*(\d+))?$/.exec(text.trim());
  if (match === null) return undefined;
  const [, sign, whole = '', decimals = '', denominator = '1'] = match;
  if (whole === '' && decimals === '') return undefined;
  const below = BigInt(denominator) * 10n ** BigInt(decimals.length);
  if (below === 0n) return undefined;
  const above = BigInt(whole.replaceAll(',', '') + decimals);
  const common = greatestCommonDivisor(above, below);
  const minus = above !== 0n && (sign === '-' || sign === '−') ? '-' : '';
  return below === common ? `${minus}${above / common}` : `${minus}${above / common}/${below / common}`;
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  return b === 0n ? a : greatestCommonDivisor(b, a % b);
}

/**
 * Reads a Python literal from the beginning of a text: numbers, strings, True, False, None, lists, tuples, sets and
 * dictionaries. Gives one text for equal values (`[1,2]` and `[1, 2]`, `"a"` and `'a'`, `2.0` and `2`), and what follows.
 */
export function readLiteral(text: string): { canonical: string; rest: string } | undefined {
  return readValue(text.trimStart(), 0);
}

type Read = { canonical: string; rest: string } | undefined;

const deepest = 50;

function readValue(text: string, depth: number): Read {
  if (depth > deepest) return undefined;
  const number = /^[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?![\w.]*\d|\w)/.exec(text);
  if (number !== null) {
    const written = number[0];
    // `19.` at the end of a sentence is 19 and a full stop.
    const digits = written.endsWith('.') ? written.slice(0, -1) : written;
    const canonical = canonicalNumber(digits);
    return canonical === undefined ? undefined : { canonical, rest: text.slice(digits.length) };
  }
  const constant = /^(?:True|False|None)(?!\w)/.exec(text);
  if (constant !== null) return { canonical: constant[0], rest: text.slice(constant[0].length) };
  const string = /^'((?:[^'\\\n]|\\.)*)'|^"((?:[^"\\\n]|\\.)*)"/.exec(text);
  if (string !== null)
    return { canonical: JSON.stringify(unescaped(string[1] ?? string[2] ?? '')), rest: text.slice(string[0].length) };
  if (text.startsWith('[')) return readItems(text, ']', depth, (items) => `[${items.join(', ')}]`);
  if (text.startsWith('(')) return readTuple(text, depth);
  if (text.startsWith('{')) return readItems(text, '}', depth, (items) => `{${[...new Set(items)].sort().join(', ')}}`);
  return undefined;
}

function readItems(text: string, close: string, depth: number, join: (items: string[]) => string): Read {
  const items: string[] = [];
  let rest = text.slice(1).trimStart();
  while (!rest.startsWith(close)) {
    const item = readValue(rest, depth + 1);
    if (item === undefined) return undefined;
    let canonical = item.canonical;
    rest = item.rest.trimStart();
    if (close === '}' && rest.startsWith(':')) {
      const value = readValue(rest.slice(1).trimStart(), depth + 1);
      if (value === undefined) return undefined;
      canonical += `: ${value.canonical}`;
      rest = value.rest.trimStart();
    }
    items.push(canonical);
    if (rest.startsWith(',')) rest = rest.slice(1).trimStart();
    else if (!rest.startsWith(close)) return undefined;
  }
  return { canonical: join(items), rest: rest.slice(1) };
}

/** `(1, 2)` and `(1,)` are tuples; `(1)` is 1. */
function readTuple(text: string, depth: number): Read {
  const inner = readItems(text, ')', depth, (items) =>
    items.length === 1 ? `(${items[0]},)` : `(${items.join(', ')})`,
  );
  if (inner === undefined) return undefined;
  const written = text.slice(0, text.length - inner.rest.length);
  const single = inner.canonical.endsWith(',)') && !/,\s*\)$/.test(written);
  return single ? { canonical: inner.canonical.slice(1, -2), rest: inner.rest } : inner;
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (_, character: string) =>
    character === 'n' ? '\n' : character === 't' ? '\t' : character,
  );
}
