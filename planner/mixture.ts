import type { Source } from '../schemas/types/job.ts';
import { add, multiply, type Rational, rational, roundedQuotient, type Share } from './quantities.ts';

/** One source of a mixture: exactly so many sequences come from it. */
export interface MixtureEntry {
  name: string;
  source: Source;
  sequences: number;
}

/** What a pretraining saw: its tokens in all, and its mixture. */
export interface Corpus {
  tokens: number;
  mixture: readonly MixtureEntry[];
}

/** An entry of a declared mix. `rank` orders entries by what they are and not by where they stand in the file. */
export interface DeclaredShare {
  name: string;
  share: Share;
  rank: string;
}

/** The sequences of each declared entry, and the share of the mix that they were to be; or what is wrong, with the entry to blame (all of them, if none). */
export type Apportioned =
  | { ok: true; sequences: Map<string, number>; fractions: Map<string, Rational> }
  | { ok: false; entry?: string; problem: string; hint?: string };

/**
 * Exact counts of sequences for the entries of a mix: percentages, parts of the ancestor's pretraining and amounts of tokens
 * first, then weights in what these leave. Counts add up to `sequences`; rounding is by largest remainder.
 * `tokens` is the stage's amount of tokens as it was asked for, of which the shares are shares.
 */
export function apportionMix(
  entries: readonly DeclaredShare[],
  tokens: number,
  sequences: number,
  pretrainTokens: number | undefined,
): Apportioned {
  const fixed = new Map<string, Rational>();
  let sum = nothing;
  let weights = nothing;
  for (const { name, share } of entries) {
    if (share.kind === 'weight') {
      weights = add(weights, share.weight);
      continue;
    }
    const fraction = fractionOf(share, tokens, pretrainTokens);
    if (!fraction)
      return { ok: false, entry: name, problem: 'pretraining has no ancestor of whose tokens this could be a part' };
    fixed.set(name, fraction);
    sum = add(sum, fraction);
  }
  if (sum.numerator > sum.denominator) {
    return {
      ok: false,
      problem: `the shares add up to ${percent(sum)} of the stage's tokens`,
      hint: 'they may be 100% at most',
    };
  }
  const left = rational(sum.denominator - sum.numerator, sum.denominator);
  if (left.numerator > 0n && weights.numerator === 0n) {
    return {
      ok: false,
      problem: `the shares add up to ${percent(sum)} of the stage's tokens`,
      hint: 'give one of them a weight, such as 1, and it takes the rest',
    };
  }
  const fractions = entries.map(({ name, share }) => {
    if (share.kind !== 'weight') return fixed.get(name) ?? nothing;
    return weights.numerator === 0n
      ? nothing
      : multiply(
          left,
          rational(share.weight.numerator * weights.denominator, share.weight.denominator * weights.numerator),
        );
  });
  const counts = apportion(
    fractions,
    sequences,
    entries.map((entry) => entry.rank),
  );
  for (const [index, { name, share }] of entries.entries()) {
    const asked = share.kind === 'weight' ? share.weight.numerator > 0n : (fractions[index]?.numerator ?? 0n) > 0n;
    if (!asked || counts[index] !== 0) continue;
    if (fractions[index]?.numerator === 0n)
      return { ok: false, entry: name, problem: 'the other shares leave nothing for this one' };
    return {
      ok: false,
      entry: name,
      problem: `this is less than one of the stage's ${sequences.toLocaleString('en')} sequences`,
      hint: 'give it more, more tokens to the stage, or 0%',
    };
  }
  return {
    ok: true,
    sequences: new Map(entries.map(({ name }, index) => [name, counts[index] ?? 0])),
    fractions: new Map(entries.map(({ name }, index) => [name, fractions[index] ?? nothing])),
  };
}

/** An entry with its exact share of a mix. */
export type SharedEntry = MixtureEntry & { fraction: Rational };

/**
 * The ancestor's data in the proportions in which it saw them, so many sequences in all and such a part of the mix; entries
 * are named `replay:<name>`.
 */
export function replayOf(
  corpus: Corpus,
  sequences: number,
  fraction: Rational,
  rankOf: (source: Source) => string,
): SharedEntry[] {
  const total = corpus.mixture.reduce((sum, entry) => sum + entry.sequences, 0);
  const parts = corpus.mixture.map((entry) => rational(BigInt(entry.sequences), BigInt(total)));
  const counts = apportion(
    parts,
    sequences,
    corpus.mixture.map((entry) => rankOf(entry.source)),
  );
  return corpus.mixture.map(({ name, source }, index) => ({
    name: `replay:${name}`,
    source,
    sequences: counts[index] ?? 0,
    fraction: multiply(fraction, parts[index] ?? nothing),
  }));
}

/** What weights add up to at most, for sources to take turns by them; shares that need more are rounded to a millionth. */
const mostWeight = 1_000_000;

/**
 * Whole weights in the proportions of the entries' shares: the smallest where these add up to a million or less, else
 * millionths, none of them 0. They depend on the shares alone, so budgets with the same shares have the same weights.
 */
export function weightsOf(entries: readonly SharedEntry[], ranks: readonly string[]): number[] {
  const fractions = entries.map((entry) => entry.fraction);
  const common = fractions.reduce((least, { denominator }) => multipleOf(least, denominator), 1n);
  if (common <= BigInt(mostWeight)) {
    return fractions.map(({ numerator, denominator }) => Number(numerator * (common / denominator)));
  }
  return apportion(fractions, mostWeight, ranks).map((weight) => Math.max(1, weight));
}

function multipleOf(a: bigint, b: bigint): bigint {
  return a * rational(b, a).numerator;
}

/**
 * Whole numbers in the proportions of fractions that add up to 1, adding up to `total`: each the floor of its quota, and
 * what is left to the largest remainders; of equal remainders to the entry that comes first by rank.
 */
export function apportion(fractions: readonly Rational[], total: number, ranks: readonly string[]): number[] {
  const quotas = fractions.map(({ numerator, denominator }, index) => {
    const product = numerator * BigInt(total);
    return { index, floor: product / denominator, rest: rational(product % denominator, denominator) };
  });
  let left = BigInt(total) - quotas.reduce((sum, quota) => sum + quota.floor, 0n);
  const byRest = [...quotas].sort(
    (a, b) => compare(b.rest, a.rest) || ((ranks[a.index] ?? '') < (ranks[b.index] ?? '') ? -1 : 1),
  );
  const counts = quotas.map((quota) => Number(quota.floor));
  for (const { index } of byRest) {
    if (left <= 0n) break;
    counts[index] = (counts[index] ?? 0) + 1;
    left -= 1n;
  }
  return counts;
}

const nothing: Rational = { numerator: 0n, denominator: 1n };

function fractionOf(
  share: Exclude<Share, { kind: 'weight' }>,
  tokens: number,
  pretrainTokens: number | undefined,
): Rational | undefined {
  switch (share.kind) {
    case 'mix':
      return share.fraction;
    case 'tokens':
      return rational(BigInt(share.tokens), BigInt(tokens));
    case 'pretrain':
      return pretrainTokens === undefined
        ? undefined
        : multiply(share.fraction, rational(BigInt(pretrainTokens), BigInt(tokens)));
  }
}

function compare(a: Rational, b: Rational): number {
  const [left, right] = [a.numerator * b.denominator, b.numerator * a.denominator];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** To a hundredth of a per cent; never 100% when it is not. */
function percent(fraction: Rational): string {
  const hundredths = roundedQuotient(fraction.numerator * 10_000n, fraction.denominator);
  const inexact = fraction.numerator * 10_000n !== hundredths * fraction.denominator;
  return `${inexact ? 'about ' : ''}${Number(hundredths) / 100}%`;
}
