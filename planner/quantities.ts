/**
 * Quantities: numbers with units, read exactly. Decimals are kept as integers (digits and a scale) until the very end, so
 * that 2.5M is 2,500,000 and ten per cent is the same number as 0.1.
 */
import { builtIn, commandName, engines, isCommandName } from '../schemas/engines.ts';
import type { Precision, RlRecipe } from '../schemas/types/job.ts';
import { didYouMean } from './diagnostic.ts';

/** An exact fraction, in lowest terms; the denominator is positive. */
export interface Rational {
  numerator: bigint;
  denominator: bigint;
}

/** An amount of tokens: absolute, or so many for each parameter of the model. */
export type Tokens = { tokens: number } | { perParameter: Rational };

/** How long a warm-up is: a share of the steps, 0 to 1, or an amount of tokens. */
export type Span = { share: number } | Tokens;

/** A part of a mix. */
export type Share =
  | { kind: 'mix'; fraction: Rational }
  | { kind: 'pretrain'; fraction: Rational }
  | { kind: 'tokens'; tokens: number }
  | { kind: 'weight'; weight: Rational };

/** How much of a data set: so many of it, or a share of all of it, 0 to 1. */
export type Extent = { problems: number } | { share: number };

/** A quantity that was read, or a sentence on why it cannot be, for example "is not a whole number". */
export type Parsed<T> = { ok: true; value: T } | { ok: false; problem: string; hint?: string };

/** The options that are one of several words, by the name of the option. */
export const choices = {
  algorithm: ['ppo', 'grpo', 'dr_grpo', 'dapo', 'rloo', 'reinforce_plus_plus'],
  kl: ['reward', 'loss', 'off'],
  klEstimator: ['k1', 'k2', 'k3'],
  lossAggregation: ['token-mean', 'seq-mean-token-sum', 'seq-mean-token-mean', 'seq-mean-token-sum-norm'],
} as const satisfies { [Name in keyof RlRecipe]?: readonly RlRecipe[Name][] };

/** The kinds of quantity that the schema's definitions of the same names describe. */
export const quantityKinds = {
  count: { expected: 'a whole number, such as 4000, 4K or 2.5M', parse: parseCount },
  tokens: { expected: 'an amount of tokens, such as 400K, 2M, 8BT, or 20x for twenty a parameter', parse: parseTokens },
  share: { expected: 'a share, such as 20%, 5% of pretrain, 8BT, or a weight such as 1', parse: parseShare },
  fraction: { expected: 'a fraction from 0 to 1, such as 0.1 or 10%', parse: parseFraction },
  warmup: {
    expected: 'a share of the steps, such as 10%; with `schedule: wsd` an amount of tokens, such as 300K or 1x',
    parse: parseSpan,
  },
  point: {
    expected: 'a share of the steps, such as 40%, or an amount of tokens, such as 20BT or 20x',
    parse: parseSpan,
  },
  extent: { expected: 'a number of problems, such as 4000 or 4K, or a share such as 60%', parse: parseExtent },
  number: { expected: 'a number of 0 or more, such as 0.1 or 3e-4', parse: parseNumber },
  seed: { expected: 'a whole number from 0 to 4294967295', parse: parseSeed },
  precision: { expected: 'float32 or bfloat16', parse: parsePrecision },
  engine: { expected: [builtIn, ...Object.keys(engines), 'command/<name>'].join(', '), parse: parseEngine },
  algorithm: choiceOf('algorithm'),
  kl: choiceOf('kl'),
  klEstimator: choiceOf('klEstimator'),
  lossAggregation: choiceOf('lossAggregation'),
} as const satisfies Record<string, { expected: string; parse: (value: unknown) => Parsed<unknown> }>;

export type QuantityKind = keyof typeof quantityKinds;

/** 4000, `4K`, `2.5M`: a whole number that a double holds exactly. */
export function parseCount(value: unknown): Parsed<number> {
  const text = textOf(value);
  const match = /^([0-9.e+-]+?)([KMBT]?)$/.exec(text);
  const decimal = match && decimalOf(match[1] ?? '');
  return decimal ? wholeNumber(scaled(decimal, match[2] ?? '')) : unreadable(value, text, parseCount);
}

/** 400K, `2M`, `8BT`, `20x`: at least one token. */
export function parseTokens(value: unknown): Parsed<Tokens> {
  const text = textOf(value);
  const match = /^([0-9.e+-]+?)([KMBT]?|[KMB]T|x)$/.exec(text);
  const decimal = match && decimalOf(match[1] ?? '');
  if (!decimal) return unreadable(value, text, parseTokens);
  if (decimal.numerator === 0n) return { ok: false, problem: 'is no amount to train on' };
  if (match[2] === 'x') return { ok: true, value: { perParameter: decimal } };
  const tokens = wholeNumber(scaled(decimal, (match[2] ?? '').charAt(0)));
  return tokens.ok ? { ok: true, value: { tokens: tokens.value } } : tokens;
}

/** `20%`, `20% of mix`, `5% of pretrain`, `8BT`, or a weight. */
export function parseShare(value: unknown): Parsed<Share> {
  const text = textOf(value);
  if (typeof value === 'number') {
    const weight = decimalOf(text);
    return weight ? { ok: true, value: { kind: 'weight', weight } } : unreadable(value, text, parseShare);
  }
  const percentage = /^([0-9.]+)%( of (mix|pretrain))?$/.exec(text);
  if (percentage) {
    const decimal = decimalOf(percentage[1] ?? '');
    if (!decimal) return unreadable(value, text, parseShare);
    const fraction = rational(decimal.numerator, decimal.denominator * 100n);
    if (fraction.numerator > fraction.denominator) return { ok: false, problem: 'is more than the whole' };
    return { ok: true, value: { kind: percentage[3] === 'pretrain' ? 'pretrain' : 'mix', fraction } };
  }
  const amount = /^([0-9.]+)([KMBT]|[KMB]T)$/.exec(text);
  const decimal = amount && decimalOf(amount[1] ?? '');
  if (!decimal) return unreadable(value, text, parseShare);
  const tokens = wholeNumber(scaled(decimal, (amount[2] ?? '').charAt(0)));
  return tokens.ok ? { ok: true, value: { kind: 'tokens', tokens: tokens.value } } : tokens;
}

/** 0.1 or `10%`, from 0 to 1. */
export function parseFraction(value: unknown): Parsed<number> {
  const text = textOf(value);
  const percentage = typeof value === 'string' && text.endsWith('%');
  const decimal =
    typeof value === 'number' || percentage ? decimalOf(percentage ? text.slice(0, -1) : text) : undefined;
  if (!decimal) return unreadable(value, text, parseFraction);
  const fraction = percentage ? rational(decimal.numerator, decimal.denominator * 100n) : decimal;
  if (fraction.numerator > fraction.denominator) return { ok: false, problem: 'is more than 1' };
  return { ok: true, value: toNumber(fraction) };
}

/** 4000, `4K`, or `60%`. */
export function parseExtent(value: unknown): Parsed<Extent> {
  if (typeof value === 'string' && value.endsWith('%')) {
    const share = parseFraction(value);
    return share.ok ? { ok: true, value: { share: share.value } } : share;
  }
  const problems = parseCount(value);
  return problems.ok ? { ok: true, value: { problems: problems.value } } : problems;
}

/** `10%` or 0.1 of the steps; or an amount of tokens, `300K`, `1x`. */
export function parseSpan(value: unknown): Parsed<Span> {
  const share = parseFraction(value);
  if (share.ok) return { ok: true, value: { share: share.value } };
  const amount = parseTokens(value);
  return amount.ok ? amount : share;
}

/** A finite number of 0 or more. */
export function parseNumber(value: unknown): Parsed<number> {
  if (typeof value === 'number' && Number.isFinite(value)) {
    return value >= 0 ? { ok: true, value: value + 0 } : { ok: false, problem: 'is negative' };
  }
  return unreadable(value, textOf(value), parseNumber);
}

/** A whole number that fits 32 bits. */
export function parseSeed(value: unknown): Parsed<number> {
  if (typeof value !== 'number') return unreadable(value, textOf(value), parseSeed);
  if (!Number.isInteger(value)) return { ok: false, problem: 'is not a whole number' };
  if (value < 0 || value > 4294967295) return { ok: false, problem: 'is outside 0 to 4294967295' };
  return { ok: true, value: value + 0 };
}

/** `float32` or `bfloat16`: what matrices are multiplied in. */
export function parsePrecision(value: unknown): Parsed<Precision> {
  if (value === 'float32' || value === 'bfloat16') return { ok: true, value };
  const meant = /^(bf|bfloat|brain)[_ -]?(16)?$/i.test(String(value))
    ? 'bfloat16'
    : /^(fp|f|float)?[_ -]?32$|^(single|float|full)$/i.test(String(value))
      ? 'float32'
      : undefined;
  const problem = 'is no precision to train in';
  if (/^(fp|f|float|half)?[_ -]?16$|^half$/i.test(String(value)))
    return { ok: false, problem, hint: 'float16 is not trained in; take bfloat16' };
  return meant === undefined ? { ok: false, problem } : { ok: false, problem, hint: `write ${meant}` };
}

/** The name of an engine, the built-in trainer among them. */
export function parseEngine(value: unknown): Parsed<string> {
  const names = [builtIn, ...Object.keys(engines)];
  const given = String(value);
  const command = commandName(given);
  if (names.includes(given) || (command !== undefined && isCommandName(command))) return { ok: true, value: given };
  if (command !== undefined) {
    const hint = 'its name has small letters, digits, `.`, `_` and `-`, as `engines` of temporal.config has it';
    return { ok: false, problem: 'is no name of a program', hint };
  }
  const hint = didYouMean(given, names);
  return { ok: false, problem: 'is no engine that Descent drives', ...(hint !== undefined && { hint }) };
}

/** One of the words that an option may be. */
export function parseChoice<Name extends keyof typeof choices>(name: Name, value: unknown): Parsed<RlRecipe[Name]> {
  const words: readonly string[] = choices[name];
  if (words.includes(value as string)) return { ok: true, value: value as RlRecipe[Name] };
  const hint = didYouMean(String(value), words);
  return { ok: false, problem: `is not possible for \`${name}\``, ...(hint !== undefined && { hint }) };
}

function choiceOf<Name extends keyof typeof choices>(name: Name) {
  return {
    expected: choices[name].join(', '),
    parse: (value: unknown): Parsed<RlRecipe[Name]> => parseChoice(name, value),
  };
}

/** How a number was probably meant that is written as text: `"2"`, `1_000`, `4K` where no unit may stand. */
export function numberHint(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  for (const parse of [parseCount, parseNumber]) {
    const parsed = parse(value);
    if (parsed.ok) return `write ${parsed.value}`;
    if (parsed.hint) return parsed.hint;
  }
  return undefined;
}

/** Tokens in all for a model of that many parameters. Undefined when it is more than a double holds exactly. */
export function totalTokens(amount: Tokens, parameters: number): number | undefined {
  if ('tokens' in amount) return amount.tokens;
  const { numerator, denominator } = amount.perParameter;
  const total = roundedQuotient(numerator * BigInt(parameters), denominator);
  return total <= BigInt(Number.MAX_SAFE_INTEGER) ? Math.max(1, Number(total)) : undefined;
}

/** numerator / denominator, to the nearest whole number, halves up. Both are positive. */
export function roundedQuotient(numerator: bigint, denominator: bigint): bigint {
  return (2n * numerator + denominator) / (2n * denominator);
}

/** numerator / denominator in lowest terms. */
export function rational(numerator: bigint, denominator: bigint): Rational {
  let [a, b] = [numerator, denominator];
  while (b !== 0n) [a, b] = [b, a % b];
  return a === 0n ? { numerator: 0n, denominator: 1n } : { numerator: numerator / a, denominator: denominator / a };
}

/** The sum of two fractions. */
export function add(a: Rational, b: Rational): Rational {
  return rational(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator);
}

/** The product of two fractions. */
export function multiply(a: Rational, b: Rational): Rational {
  return rational(a.numerator * b.numerator, a.denominator * b.denominator);
}

/** The nearest double. */
export function toNumber({ numerator, denominator }: Rational): number {
  const bits = numerator.toString(2).length - denominator.toString(2).length;
  if (bits > 1024) return Number.POSITIVE_INFINITY;
  if (numerator < 2n ** 53n && denominator < 2n ** 53n) return Number(numerator) / Number(denominator);
  const digits = 20n + BigInt(Math.max(0, Math.ceil(-bits * 0.302)));
  return Number(`${(numerator * 10n ** digits) / denominator}e-${digits}`);
}

/** ten times, a tenth, ...: `number` times 10^power, without the drift of binary fractions (a tenth of 3e-3 is 3e-4). */
export function timesPowerOfTen(number: number, power: number): number {
  const [digits, exponent] = number.toExponential().split('e');
  return Number(`${digits}e${Number(exponent) + power}`);
}

const units: Readonly<Record<string, bigint>> = { K: 1_000n, M: 1_000_000n, B: 1_000_000_000n, T: 1_000_000_000_000n };

function scaled(decimal: Rational, unit: string): Rational {
  return rational(decimal.numerator * (units[unit] ?? 1n), decimal.denominator);
}

function wholeNumber({ numerator, denominator }: Rational): Parsed<number> {
  if (denominator !== 1n) return { ok: false, problem: 'is not a whole number' };
  if (numerator > BigInt(Number.MAX_SAFE_INTEGER)) return { ok: false, problem: 'is too large to be exact' };
  return { ok: true, value: Number(numerator) };
}

/** A non-negative decimal with an optional exponent; undefined for all else, and for what is absurdly long. */
function decimalOf(text: string): Rational | undefined {
  const match = text.length <= 400 ? /^([0-9]+)(?:\.([0-9]+))?(?:e([+-]?[0-9]{1,3}))?$/.exec(text) : null;
  if (!match) return undefined;
  const [, whole = '', part = '', exponent = '0'] = match;
  const power = Number(exponent) - part.length;
  const digits = BigInt(whole + part);
  return power >= 0 ? rational(digits * 10n ** BigInt(power), 1n) : rational(digits, 10n ** BigInt(-power));
}

/** Numbers in their shortest form, which is exact: two YAML spellings of one double are one text. */
function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** Why it cannot be read, and how it was probably meant: `1_000`, `5 %`, `4k`, `2 million`. */
function unreadable<T>(value: unknown, text: string, parse: (value: unknown) => Parsed<T>): Parsed<T> {
  if (typeof value === 'number') {
    return { ok: false, problem: value < 0 ? 'is negative' : Number.isFinite(value) ? 'is not one' : 'is not finite' };
  }
  const problem = /^-[0-9]/.test(text) ? 'is negative' : 'cannot be read';
  if (/^(yes|no|on|off)$/i.test(text))
    return { ok: false, problem, hint: `\`${text}\` is text in YAML 1.2; only true and false are not` };
  const readable = (guess: string | number | undefined) => guess !== undefined && guess !== text && parse(guess).ok;
  const guesses = text.length <= 60 ? readings(text) : [];
  const [meant, other] = guesses.flatMap((one) => [plainNumber(one), respelled(one)].find(readable) ?? []);
  if (meant === undefined || other !== undefined) return { ok: false, problem };
  const why = /[0-9]_[0-9]/.test(text)
    ? 'YAML 1.2 has no `_` in numbers: '
    : typeof meant === 'number'
      ? 'without quotes: '
      : '';
  return { ok: false, problem, hint: `${why}write ${meant}` };
}

/** What a text may mean by its commas: `1,500` is two things, while `0,5`, `10,000` and `1,500,000` are one each. */
function readings(text: string): string[] {
  if (!text.includes(',')) return [text];
  const thousands = /^\+?[1-9][0-9]{0,2}(,[0-9]{3})+(?![0-9,])/.test(text) ? [text.replaceAll(',', '')] : [];
  const decimal = /^[^,.]*[0-9],(?!000)[0-9]+[^,.]*$/.test(text) ? [text.replace(',', '.')] : [];
  return [...thousands, ...decimal];
}

function plainNumber(text: string): number | undefined {
  const cleaned = text.replace(/[\s_+]/g, '');
  return /^[0-9]*\.?[0-9]+(e-?[0-9]+)?$/i.test(cleaned) ? Number(cleaned) : undefined;
}

/** Spaces and separators dropped, units in the letters that are read. */
function respelled(text: string): string {
  return text
    .replaceAll('_', '')
    .replace(/\s*%/, '%')
    .replace(/\s*([kmbt]{1,2})$/i, (_, unit: string) => unit.toUpperCase())
    .replace(/\s*X$/i, 'x');
}
