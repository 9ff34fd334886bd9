/**
 * How much two sets of problems have in common, after GPT-3's decontamination (Brown et al. 2020, arXiv 2005.14165,
 * appendix C).
 *
 * - Exact: the same prompt, but for letter case, spacing, Unicode form, and the punctuation of sentences and quotes around
 *   words (`exactText`).
 * - 13-grams: 13 words in a row that stand in both prompts. As in GPT-3, words have neither case nor punctuation, and a
 *   13-gram that more than ten of the problems trained on have says nothing: it is how such problems are worded. So that a
 *   prompt with no other 13-gram is found too, and one of fewer words, all words of a prompt count as one however many
 *   have them.
 *
 * Counts are of the problems compared with, each once, and do not depend on any order. Texts are told apart by 64-bit
 * hashes: two that differ have the same with a chance of one in 1.8e19.
 */
import type { Match, Overlap } from '../../schemas/certificate.ts';
import { GramTable, gramWords, hashesOf, wordsOf } from './grams.ts';

/** A 13-gram that more problems than this have is the wording of a kind of problem. */
export const mostSharing = 10;

/** Problems, at most so many; their prompts are read anew at each call. */
export interface PromptSet {
  problems: number;
  prompts: () => Iterable<string>;
}

/**
 * Compares each of some sets with what is trained on, and keeps the first `shown` matches of each kind. Sets are read as
 * streams; what is remembered are hashes of the smaller side, 17 to 35 bytes for each 13-gram.
 */
export function measureOverlap(
  trained: PromptSet,
  against: readonly PromptSet[],
  shown: number,
): { trained: number; overlaps: Overlap[] } {
  const { table, rows } = countTexts(trained, against);
  const overlaps = against.map((set) => compare(table, set, shown));
  tellTrained(
    trained,
    overlaps.flatMap(({ matches }) => [...matches.exact, ...matches.grams]),
  );
  return { trained: rows, overlaps };
}

/**
 * In how many of the problems trained on each text occurs. What only one side has matters to nobody, so the table holds
 * the texts of the smaller one.
 */
function countTexts(trained: PromptSet, against: readonly PromptSet[]): { table: GramTable; rows: number } {
  const table = new GramTable();
  const isLarger = trained.problems > against.reduce((sum, { problems }) => sum + problems, 0);
  if (isLarger) for (const { prompts } of against) for (const prompt of prompts()) table.add(hashesOf(prompt));
  let rows = 0;
  for (const prompt of trained.prompts()) {
    const hashes = hashesOf(prompt);
    if (!isLarger) table.add(hashes);
    rows += 1;
    table.count(hashes, rows);
  }
  return { table, rows };
}

/** The matches of a set; the prompts of what is trained on are still to be told. */
function compare(table: GramTable, { prompts }: PromptSet, shown: number): Overlap {
  const overlap: Overlap = {
    problems: 0,
    withoutGrams: 0,
    exact: 0,
    grams: 0,
    common: 0,
    matches: { exact: [], grams: [] },
  };
  for (const prompt of prompts()) {
    overlap.problems += 1;
    const { high, low } = hashesOf(prompt);
    const found = Array.from(high, (each, at) => table.lookUp(each, low[at] as number));
    const [text, wording, ...grams] = found;
    if (grams.length === 0) overlap.withoutGrams += 1;
    const at = grams.findIndex(({ count }) => count > 0 && count <= mostSharing);
    const match = (first: number, words: string): Match => ({
      against: { row: overlap.problems, prompt },
      trained: { row: first, prompt: '' },
      words,
    });
    if (text !== undefined && text.count > 0) {
      overlap.exact += 1;
      if (overlap.exact <= shown) overlap.matches.exact.push(match(text.first, wordsOf(prompt).join(' ')));
    } else if (wording !== undefined && wording.count > 0) {
      overlap.grams += 1;
      if (overlap.grams <= shown) overlap.matches.grams.push(match(wording.first, wordsOf(prompt).join(' ')));
    } else if (at >= 0) {
      overlap.grams += 1;
      const words = wordsOf(prompt)
        .slice(at, at + gramWords)
        .join(' ');
      if (overlap.grams <= shown) overlap.matches.grams.push(match(grams[at]?.first ?? 0, words));
    } else if (grams.some(({ count }) => count > 0)) {
      overlap.common += 1;
    }
  }
  return overlap;
}

/** Reads what is trained on once more, as far as there are matches, for the prompts that are shown. */
function tellTrained(trained: PromptSet, matches: readonly Match[]): void {
  const byRow = new Map<number, Match[]>();
  for (const match of matches) byRow.set(match.trained.row, [...(byRow.get(match.trained.row) ?? []), match]);
  if (byRow.size === 0) return;
  let row = 0;
  for (const prompt of trained.prompts()) {
    row += 1;
    for (const match of byRow.get(row) ?? []) match.trained.prompt = prompt;
    byRow.delete(row);
    if (byRow.size === 0) return;
  }
}
