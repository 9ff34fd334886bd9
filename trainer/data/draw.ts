import type { Random } from '../random.ts';

/** One of the items, all equally likely. */
export function pick<T>(random: Random, items: readonly T[]): T {
  return items[random.integer(items.length)] as T;
}

/** One of the items, the first ones oftener: the last of a long list comes up rarely, as words do in real text. */
export function pickEarly<T>(random: Random, items: readonly T[]): T {
  const u = random.uniform();
  return items[Math.floor(items.length * u * u)] as T;
}

/** `count` different items in random order; there must be as many. */
export function pickSeveral<T>(random: Random, items: readonly T[], count: number): T[] {
  const taken = new Set<number>();
  while (taken.size < count) taken.add(random.integer(items.length));
  return Array.from(taken, (index) => items[index] as T);
}

/** An integer from `low` to `high`, both included. */
export function between(random: Random, low: number, high: number): number {
  return low + random.integer(high - low + 1);
}

/** True with the given probability. */
export function chance(random: Random, probability: number): boolean {
  return random.uniform() < probability;
}

/** The word with a capital first letter. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** `a` or `an` before the word, by its first letter. */
export function withArticle(words: string): string {
  return `${/^[aeiou]/.test(words) ? 'an' : 'a'} ${words}`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(items: readonly string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

/** The number in words, from zero to twenty. */
export function inWords(number: number): string {
  return numberWords[number] as string;
}

const numberWords =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty'.split(
    ' ',
  );
