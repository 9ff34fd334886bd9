/** A word of a selector, and where in its text it begins. */
export interface Word {
  text: string;
  start: number;
}

/** What one term of a selector names, before it is looked up in a plan. */
export type Pick =
  /** `rl`, `mid@replay=10%`, `rl@seed=2/id`: the models of a stage, or with a suite their evaluations. */
  | { by: 'address'; stage: Word; axes: readonly { name: Word; value: Word }[]; suite: Word | null }
  /** `stage:sft`, `seed:2`, `replay:10%`. */
  | { by: 'property'; property: Word; value: Word };

/** One term of a selector: what it names, with so many generations before and after it. */
export interface Term {
  /** The term as it was written. */
  word: Word;
  pick: Pick;
  /** Generations of what it needs; 0 is none, Infinity all. */
  ancestors: number;
  /** Generations of what needs it. */
  descendants: number;
}

/** Why a selector cannot be used: the part of its text that is to blame, what is wrong with it, what to do. */
export interface SelectorProblem {
  selector: string;
  /** The part in UTF-16 units from the beginning, and how long it is. */
  start: number;
  length: number;
  message: string;
  expected?: string;
  hint?: string;
}

/** A selector that was read, or the first thing that is wrong with it. */
export type ParsedSelector = { ok: true; terms: Term[] } | { ok: false; problem: SelectorProblem };

/**
 * Reads a selector, which is as in dbt:
 * ```
 * selector = term {"," term}                          what all of its terms name
 * term     = [[number] "+"] pick ["+" [number]]       with what it needs, with what needs it; so many generations, or all
 * pick     = property ":" value | stage ["@" axis "=" value {"," axis "=" value}] ["/" suite]
 * ```
 * A comma goes on with an address, if there is one with an `@` before it and `axis=value` after it; every other comma begins
 * a term. `*` in a stage, a value or a suite stands for any characters. The `+5` of a number such as `1e+5` is part of it.
 * Blanks around terms mean nothing.
 */
export function parseSelector(selector: string): ParsedSelector {
  const terms: Term[] = [];
  try {
    const strange = /\p{Cc}/u.exec(selector);
    if (strange) fail({ text: strange[0], start: strange.index }, 'a selector has no control characters');
    if (selector.trim() === '')
      fail({ text: selector, start: 0 }, 'this selector is empty', 'name a stage, for example `rl`');
    for (const word of splitTerms(selector)) terms.push(parseTerm(word));
    return { ok: true, terms };
  } catch (error) {
    if (error instanceof Misreading) return { ok: false, problem: locate(selector, error.word, error.message, error) };
    throw error;
  }
}

/** A problem with one word of a selector. */
export function locate(
  selector: string,
  word: Word,
  message: string,
  { expected, hint }: { expected?: string | undefined; hint?: string | undefined } = {},
): SelectorProblem {
  return {
    selector,
    start: word.start,
    length: Math.max(1, word.text.length),
    message,
    ...(expected === undefined ? {} : { expected }),
    ...(hint === undefined ? {} : { hint }),
  };
}

/**
 * A problem as text:
 * ```
 * there is no stage `rll`
 *     +rll@seed=2
 *      ^^^
 *   expected: base, mid, rl
 *   hint: did you mean `rl`?
 * ```
 */
export function formatProblem({ selector, start, length, message, expected, hint }: SelectorProblem): string {
  const before = [...selector.slice(0, start)].length;
  const marked = [...selector.slice(start, start + length)].length;
  return [
    message,
    `    ${selector.replace(/\p{Cc}/gu, '\ufffd')}`,
    `    ${' '.repeat(before)}${'^'.repeat(Math.max(1, marked))}`,
    ...(expected === undefined ? [] : [`  expected: ${expected}`]),
    ...(hint === undefined ? [] : [`  hint: ${hint}`]),
  ].join('\n');
}

/** What cannot be read; caught in this file. */
class Misreading extends Error {
  readonly word: Word;
  readonly hint: string | undefined;

  constructor(word: Word, message: string, hint?: string) {
    super(message);
    this.word = word;
    this.hint = hint;
  }
}

function fail(word: Word, message: string, hint?: string): never {
  throw new Misreading(word, message, hint);
}

/** The terms, each without the blanks around it. */
function splitTerms(selector: string): Word[] {
  const terms: Word[] = [];
  for (const part of split({ text: selector, start: 0 }, ',')) {
    if (part.text === '') fail(part, 'a comma stands between two terms, and here is none');
    const before = terms.at(-1);
    if (before?.text.includes('@') && /^[^@:/=+]*=/.test(part.text)) {
      terms[terms.length - 1] = { ...before, text: selector.slice(before.start, part.start + part.text.length) };
    } else {
      terms.push(part);
    }
  }
  return terms;
}

function parseTerm(word: Word): Term {
  const [before = ''] = /^\d*\+/.exec(word.text) ?? [];
  const after = trailingPlus(word.text.slice(before.length));
  const pick = trimmed({
    text: word.text.slice(before.length, word.text.length - after.length),
    start: word.start + before.length,
  });
  if (pick.text === '') fail(word, '`+` stands beside what it goes out from', 'for example `+rl` or `rl+`');
  if (/^\d*\+/.test(pick.text) || trailingPlus(pick.text) !== '') {
    fail(word, '`+` stands once on each side', 'a number says how many generations: `2+rl`, `rl+1`');
  }
  return { word, pick: parsePick(pick), ancestors: generations(before), descendants: generations(after) };
}

/** The `+` or `+2` that a text ends in, unless it is part of a number: `lr=1e+5`, `x=+5`. */
function trailingPlus(text: string): string {
  const [plus = ''] = /\+\d*$/.exec(text) ?? [];
  const rest = text.slice(0, text.length - plus.length);
  const inNumber = /[=:]$/.test(rest) || (plus.length > 1 && /[=:]\+?[0-9.]+e$/i.test(rest));
  return inNumber ? '' : plus;
}

function generations(plus: string): number {
  if (plus === '') return 0;
  return plus === '+' ? Number.POSITIVE_INFINITY : Number(plus.replace('+', ''));
}

function parsePick(word: Word): Pick {
  const colon = /^[^@/=]*?:/.exec(word.text);
  if (!colon) return parseAddress(word);
  const [property, value] = halves(word, colon[0].length - 1);
  if (property.text === '') fail(word, 'nothing stands before the `:`', 'for example `stage:rl`');
  if (value.text === '')
    fail(word, `\`${property.text}:\` needs a value`, `for example \`${exampleOf(property.text)}\``);
  return { by: 'property', property, value };
}

function exampleOf(property: string): string {
  const values: Readonly<Record<string, string>> = { type: 'evaluate', state: 'failed', key: 'ab12', seed: '2' };
  return `${property}:${Object.hasOwn(values, property) ? values[property] : '*'}`;
}

function parseAddress(word: Word): Pick {
  const [owner = ''] = /^zhenting\/(?=myllama-)/.exec(word.text) ?? []; // of a published model, which is a stage's signature
  const [model, suite, ...tooMany] = split(halves(word, owner.length - 1)[1], '/');
  if (!model || tooMany.length > 0) return fail(word, 'an address has one `/`', 'an evaluation is `rl@seed=2/id`');
  if (suite?.text === '') fail(word, 'nothing stands after the `/`', `every evaluation: \`${model.text}/*\``);
  if (suite && /[@=,]/.test(suite.text)) {
    fail(suite, 'the suite ends an address', 'axes come before it, as in `rl@seed=2/id`');
  }
  const [stage, setting, ...again] = split(model, '@');
  if (!stage || again.length > 0) return fail(model, 'an address has one `@`', 'as in `rl@lr=1e-5,seed=2`');
  if (stage.text.includes('=')) {
    const [name, value] = stage.text.split('=');
    const hint = `of every stage: \`*@${name}=${value}\` or \`${name}:${value}\`; of one: \`rl@${name}=${value}\``;
    fail(stage, 'the value of an axis belongs to a stage', hint);
  }
  if (stage.text === '') fail(word, 'an address begins with a stage', `of every stage: \`*${word.text}\``);
  return { by: 'address', stage, axes: setting ? parseSetting(setting, stage) : [], suite: suite ?? null };
}

function parseSetting(setting: Word, stage: Word): { name: Word; value: Word }[] {
  const seen = new Set<string>();
  return split(setting, ',').map((part) => {
    const equals = part.text.indexOf('=');
    if (equals < 0) {
      fail(
        part.text === '' ? { text: '@', start: part.start - 1 } : part,
        'after `@` stand values of axes: axis=value',
        `\`${stage.text}\` alone is all of its variants`,
      );
    }
    const [name, value] = halves(part, equals);
    if (name.text === '') fail(part, 'nothing stands before the `=`', 'for example `rl@seed=2`');
    if (value.text === '') fail(part, `\`${name.text}\` needs a value`, `any of them: \`${name.text}=*\``);
    if (value.text.includes('=')) fail(part, 'axis=value has one `=`');
    if (trailingPlus(part.text) !== '') fail(part, '`+` stands at the end of the whole address');
    if (seen.has(name.text)) {
      fail(
        part,
        `\`${name.text}\` stands here twice`,
        'a node has one value of each axis; for several, give several selectors',
      );
    }
    seen.add(name.text);
    return { name, value };
  });
}

/** The parts between separators, each without the blanks around it. */
function split(word: Word, separator: string): Word[] {
  let start = word.start;
  return word.text.split(separator).map((text) => {
    const part = trimmed({ text, start });
    start += text.length + separator.length;
    return part;
  });
}

/** What stands before and after one character. */
function halves(word: Word, at: number): [before: Word, after: Word] {
  return [
    trimmed({ text: word.text.slice(0, at), start: word.start }),
    trimmed({ text: word.text.slice(at + 1), start: word.start + at + 1 }),
  ];
}

function trimmed({ text, start }: Word): Word {
  const kept = text.trimStart();
  return { text: kept.trimEnd(), start: start + text.length - kept.length };
}
