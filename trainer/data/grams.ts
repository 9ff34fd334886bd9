import { normalisedPrompt } from '../../schemas/problem.ts';

/** Words in a row that count as the same text: a 13-gram. */
export const gramWords = 13;

/**
 * The words of a prompt without case and without punctuation that begins, ends or quotes. What means something in a
 * formula stays: `3 - 4` has three words, and they are not those of `3 + 4`. Chinese and Japanese have no spaces: there,
 * and there alone where scripts are mixed, each character is a word.
 */
export function wordsOf(prompt: string): string[] {
  return wordsIn(normalisedPrompt(prompt));
}

/**
 * What makes two prompts the same one: its words without case, Unicode form, spacing, and the punctuation of sentences and
 * quotes around them. Brackets stay, because a list is no tuple, and so does what is part of a number: `.5`, `3!`. A prompt of
 * nothing else is its text.
 */
export function exactText(prompt: string): string {
  const normalised = normalisedPrompt(prompt);
  return partsOf(normalised, opensSentence, closesSentence).join(' ') || normalised;
}

function wordsIn(normalised: string): string[] {
  return partsOf(normalised, opening, closing);
}

/** What is between spaces without what opens and closes it. */
function partsOf(normalised: string, opens: RegExp, closes: RegExp): string[] {
  return normalised
    .replace(unspaced, ' $& ')
    .split(' ')
    .map((word) => word.replace(opens, '').replace(closes, ''))
    .filter((word) => word !== '');
}

/** Scripts without spaces. */
const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/gu;
const opening = /^[.,;:!?'"`…。、・\p{Ps}\p{Pe}\p{Pi}\p{Pf}]+/u;
const closing = /[.,;:!?'"`…。、・\p{Ps}\p{Pe}\p{Pi}\p{Pf}]+$/u;

const opensSentence = /^(?:[,;:!?'"…。、・\p{Pi}\p{Pf}]|\.(?!\d))+/u;
const closesSentence = /(?:[.,;:?'"…。、・\p{Pi}\p{Pf}]|(?<!\d)!)+$/u;

/** 64-bit hashes of texts, as halves. */
export interface Hashes {
  high: Uint32Array;
  low: Uint32Array;
}

/**
 * The hashes of a prompt: that of its exact text, that of all its words, and then those of its 13-grams in
 * order, of which a prompt of fewer words has none.
 */
export function hashesOf(prompt: string): Hashes {
  const text = exactText(prompt);
  const words = wordsIn(normalisedPrompt(prompt));
  const count = Math.max(0, words.length - gramWords + 1);
  return { high: hashes(text, words, count, lanes[0]), low: hashes(text, words, count, lanes[1]) };
}

/** What makes one half of a hash independent of the other. */
interface Lane {
  seed: number;
  /** Odd. */
  factor: number;
}

const lanes: readonly [Lane, Lane] = [
  { seed: 0x243f6a88, factor: 0x9e3779b1 },
  { seed: 0xb7e15162, factor: 0x85ebca77 },
];

function hashes(text: string, words: readonly string[], count: number, { seed, factor }: Lane): Uint32Array {
  const all = new Uint32Array(2 + count);
  all[0] = hashText(text, ~seed, factor);
  // A prompt of nothing but punctuation has no words: it is its text.
  all[1] = hashText(words.join(' ') || text, seed ^ 0x55555555, factor);
  if (count === 0) return all;
  const each = words.map((word) => hashText(word, seed, factor));
  for (let at = 0; at < count; at++) {
    let gram = seed;
    for (let word = at; word < at + gramWords; word++) gram = Math.imul(gram, factor) + (each[word] as number);
    all[2 + at] = scatter(gram);
  }
  return all;
}

/** Multiply and xor, as FNV-1a does it, in 32 bits. */
function hashText(text: string, seed: number, factor: number): number {
  let hash = seed;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), factor);
  return scatter(hash ^ text.length);
}

/** Lets each bit depend on all others: the finalizer of MurmurHash3 (Appleby). */
function scatter(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Counts above this are not told apart. */
const highestCount = 254;

/**
 * A set of hashes with, for each, how many problems have it and which is the first: 13 bytes a slot, in a table that is
 * between three and six eighths full.
 */
export class GramTable {
  #size = 0;
  #slots = slotsFor(1 << 10);

  /** Puts a prompt's hashes in. */
  add({ high, low }: Hashes): void {
    this.#reserve(this.#size + high.length);
    for (let at = 0; at < high.length; at++) {
      const slot = this.#find(high[at] as number, low[at] as number);
      if (this.#slots.used[slot] === 1) continue;
      this.#slots.high[slot] = high[at] as number;
      this.#slots.low[slot] = low[at] as number;
      this.#slots.used[slot] = 1;
      this.#size += 1;
    }
  }

  /** Counts one more problem, the `row`th, for those of its hashes that are in the table. */
  count({ high, low }: Hashes, row: number): void {
    const { used, first } = this.#slots;
    const counted = new Set<number>();
    for (let at = 0; at < high.length; at++) {
      const slot = this.#find(high[at] as number, low[at] as number);
      const state = used[slot] as number;
      if (state === 0 || counted.has(slot)) continue;
      counted.add(slot);
      if (state === 1) first[slot] = row;
      if (state <= highestCount) used[slot] = state + 1;
    }
  }

  /** How many problems have a hash, at most 254 told apart, and the first of them; 0 and 0 where none has. */
  lookUp(high: number, low: number): { count: number; first: number } {
    const slot = this.#find(high, low);
    const count = Math.max(0, (this.#slots.used[slot] as number) - 1);
    return { count, first: count === 0 ? 0 : (this.#slots.first[slot] as number) };
  }

  /**
   * The first of a prompt's hashes that problems have (0 its text, 1 all its words, from 2 on its 13-grams) and the first
   * of these problems; undefined where they have none.
   */
  firstOf({ high, low }: Hashes): { at: number; row: number } | undefined {
    for (let at = 0; at < high.length; at++) {
      const { count, first } = this.lookUp(high[at] as number, low[at] as number);
      if (count > 0) return { at, row: first };
    }
    return undefined;
  }

  /** The slot that has a hash, or the free one where it belongs. */
  #find(high: number, low: number): number {
    const { used, high: highs, low: lows } = this.#slots;
    const last = used.length - 1;
    let slot = low & last;
    while (used[slot] !== 0 && (lows[slot] !== low || highs[slot] !== high)) slot = (slot + 1) & last;
    return slot;
  }

  #reserve(size: number): void {
    const before = this.#slots;
    let capacity = before.used.length;
    while (size > capacity * 0.75) capacity *= 2;
    if (capacity === before.used.length) return;
    this.#slots = slotsFor(capacity);
    for (let from = 0; from < before.used.length; from++) {
      if (before.used[from] === 0) continue;
      const [high, low] = [before.high[from] as number, before.low[from] as number];
      const to = this.#find(high, low);
      this.#slots.high[to] = high;
      this.#slots.low[to] = low;
      this.#slots.first[to] = before.first[from] as number;
      this.#slots.used[to] = before.used[from] as number;
    }
  }
}

/** Hashes side by side; `used` is 0 in a free slot, else one more than the count. */
interface Slots {
  high: Uint32Array;
  low: Uint32Array;
  first: Uint32Array;
  used: Uint8Array;
}

function slotsFor(capacity: number): Slots {
  return {
    high: new Uint32Array(capacity),
    low: new Uint32Array(capacity),
    first: new Uint32Array(capacity),
    used: new Uint8Array(capacity),
  };
}
