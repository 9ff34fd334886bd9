import { GramTable, gramWords, hashesOf, wordsOf } from '../grams.ts';
import type { Output } from './output.ts';
import { learnedSplits, type ProblemSet } from './set.ts';

/** Problems that nothing may be like: `gsm8k/test`, and its prompts. */
export interface Compared {
  name: string;
  prompts: Iterable<string>;
}

/**
 * Keeps the lines whose prompts are like none of those compared with. Dropped is one that is the same `prompt`, as
 * `exactText` has it, or that has 13 words in a row, or all words, in common with one (`grams`); with the set
 * it was found in, `against`, the place in it, and the `words`.
 *
 * What an overlap certificate counts is dropped, and more: to have 13 words in common counts however many have them, so
 * that no part of what is kept has anything that a certificate would count. The test split stays as it is: it may be what
 * is compared with.
 *
 * It remembers 17 to 35 bytes for each 13-gram of what is compared with.
 */
export function decontaminate(set: ProblemSet, against: readonly Compared[], output: Output): void {
  const table = new GramTable();
  /** The row after the last of each set. */
  const ends: number[] = [];
  let rows = 0;
  for (const { prompts } of against) {
    for (const prompt of prompts) {
      const hashes = hashesOf(prompt);
      table.add(hashes);
      rows += 1;
      table.count(hashes, rows);
    }
    ends.push(rows + 1);
  }
  for (const { line } of set.lines('test')) output.keep('test', line);
  for (const split of learnedSplits)
    for (const { line } of set.lines(split)) {
      const found = table.firstOf(hashesOf(line.prompt));
      if (found === undefined) {
        output.keep(split, line);
        continue;
      }
      const { row, at } = found;
      const which = ends.findIndex((end) => row < end);
      const words = wordsOf(line.prompt);
      output.drop(at === 0 ? 'prompt' : 'grams', line, undefined, {
        against: against[which]?.name,
        row: row - (which === 0 ? 0 : (ends[which - 1] as number) - 1),
        words: (at < 2 ? words : words.slice(at - 2, at - 2 + gramWords)).join(' '),
      });
    }
}
