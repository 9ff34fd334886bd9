import { GramTable, hashesOf } from '../grams.ts';
import { promptKey } from '../problem-line.ts';
import type { Output } from './output.ts';
import type { ProblemSet } from './set.ts';

/** What is tested comes first, so that what is like it is dropped from what is learned from, and not the other way round. */
const order = ['test', 'sft', 'rl'] as const;

/**
 * Keeps each problem once: the first in the order test, sft, rl, and in each of these of the sets as they are given. Dropped
 * is a line with the `prompt` of one that was kept, but for case, spaces and Unicode forms; and by grams one that has 13
 * words in a row, or all words, in common with one that was kept (`grams`). `like` is the id of the first such.
 *
 * It remembers 16 bytes and an id for each problem; by grams also 17 to 35 bytes for each 13-gram.
 */
export function dedupe(sets: readonly ProblemSet[], by: 'prompt' | 'grams', output: Output): void {
  const ids: string[] = [];
  const rows = new Map<string, number>();
  const table = new GramTable();
  for (const split of order)
    for (const set of sets)
      for (const { line } of set.lines(split)) {
        const key = promptKey(line.prompt);
        const same = rows.get(key);
        const hashes = by === 'grams' && same === undefined ? hashesOf(line.prompt) : undefined;
        const like = hashes && table.firstOf(hashes);
        if (same !== undefined) output.drop('prompt', line, set, { like: ids[same] });
        else if (like !== undefined) output.drop('grams', line, set, { like: ids[like.row - 1] });
        else {
          rows.set(key, ids.push(line.id) - 1);
          if (hashes) {
            table.add(hashes);
            table.count(hashes, ids.length);
          }
          output.keep(split, line, set);
        }
      }
}
