import { printRational, readRational } from './rational.ts';

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

/**
 * Reads a Python literal from the beginning of a text: numbers, strings, bytes, True, False, None, nan, inf, lists, tuples,
 * sets and dictionaries. Gives one text for equal values (`[1,2]` and `[1, 2]`, `"a"` and `'a'`, `2.0` and `2`), and what
 * follows. Other than in Python, True is not 1, and nan is nan, because it is what is printed that counts.
 */
export function readLiteral(text: string): { canonical: string; rest: string } | undefined {
  return text.length > mostCharacters ? undefined : readValue(text.trimStart(), 0);
}

type Read = { canonical: string; rest: string } | undefined;

const deepest = 50;
const mostCharacters = 10_000;

function readValue(text: string, depth: number): Read {
  if (depth > deepest) return undefined;
  const number = /^[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]*\d|\w)/.exec(text);
  if (number !== null) {
    const written = number[0];
    // `19.` at the end of a sentence is 19 and a full stop.
    const digits = written.endsWith('.') ? written.slice(0, -1) : written;
    const value = readRational(digits);
    return value === undefined ? undefined : { canonical: printRational(value), rest: text.slice(digits.length) };
  }
  const constant = /^(?:(?:True|False|None|nan|-?inf)(?!\w)|set\(\))/.exec(text);
  if (constant !== null) return { canonical: constant[0], rest: text.slice(constant[0].length) };
  const string = /^(b?)(?:'((?:[^'\\\n]|\\[\s\S])*)'|"((?:[^"\\\n]|\\[\s\S])*)")/.exec(text);
  if (string !== null)
    return {
      canonical: string[1] + JSON.stringify(unescaped(string[2] ?? string[3] ?? '')),
      rest: text.slice(string[0].length),
    };
  if (text.startsWith('[')) return readItems(text, ']', depth);
  if (text.startsWith('(')) return readItems(text, ')', depth);
  if (text.startsWith('{')) return readBraces(text, depth);
  return undefined;
}

function readItems(text: string, close: string, depth: number): Read {
  const items: string[] = [];
  let rest = text.slice(1).trimStart();
  while (!rest.startsWith(close)) {
    const item = readValue(rest, depth + 1);
    if (item === undefined) return undefined;
    items.push(item.canonical);
    const after = item.rest.trimStart();
    // `(1)` is 1, and `(1,)` a tuple.
    if (close === ')' && items.length === 1 && after.startsWith(close))
      return { canonical: item.canonical, rest: after.slice(1) };
    rest = afterItem(after, close);
    if (rest === '') return undefined;
  }
  const trailing = close === ')' && items.length === 1 ? ',' : '';
  return { canonical: text[0] + items.join(', ') + trailing + close, rest: rest.slice(1) };
}

/** A set, or a dictionary, whose last value of a key counts. In no order, as in Python. */
function readBraces(text: string, depth: number): Read {
  const entries = new Map<string, string>();
  const kinds = new Set<boolean>();
  let rest = text.slice(1).trimStart();
  while (!rest.startsWith('}')) {
    const key = readValue(rest, depth + 1);
    if (key === undefined) return undefined;
    rest = key.rest.trimStart();
    const value = rest.startsWith(':') ? readValue(rest.slice(1).trimStart(), depth + 1) : undefined;
    if (rest.startsWith(':') && value === undefined) return undefined;
    kinds.add(value !== undefined);
    entries.set(key.canonical, value === undefined ? '' : `: ${value.canonical}`);
    rest = afterItem(value?.rest ?? rest, '}');
    if (rest === '' || kinds.size > 1) return undefined;
  }
  const sorted = [...entries].map(([key, value]) => key + value).sort();
  return { canonical: `{${sorted.join(', ')}}`, rest: rest.slice(1) };
}

/** What is left behind an item and its comma; nothing where neither a comma nor the end follows. */
function afterItem(text: string, close: string): string {
  const rest = text.trimStart();
  if (rest.startsWith(',')) return rest.slice(1).trimStart();
  return rest.startsWith(close) ? rest : '';
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
  '\n': '',
};

/** The characters that a string's content stands for; an escape that Python does not know stands as it is written. */
function unescaped(text: string): string {
  return text.replace(
    /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U(00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4})|([0-7]{1,3})|([\s\S]))/g,
    (written, two?: string, four?: string, eight?: string, octal?: string, character?: string) => {
      const hex = two ?? four ?? eight;
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
      if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
      if (character === '\\' || character === "'" || character === '"') return character;
      return escapes[character ?? ''] ?? written;
    },
  );
}
