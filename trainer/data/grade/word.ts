/** Answers that are one of a few: labels by word, choices by letter. */

/** Other words for the labels of true-or-false problems. */
const synonyms: Readonly<Record<string, readonly string[]>> = {
  True: ['yes', 'correct'],
  False: ['no', 'incorrect'],
  Uncertain: ['unknown', 'undetermined'],
};

/** The one label that a sentence names as a whole word, in any letter case; undefined where it names none or several. */
export function readLabel(said: string, labels: readonly string[]): string | undefined {
  const named = labels.filter((label) => [label, ...(synonyms[label] ?? [])].some((word) => hasWord(said, word)));
  return named.length === 1 ? named[0] : undefined;
}

function hasWord(text: string, word: string): boolean {
  const escaped = word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(?<![\\p{L}\\p{N}_])${escaped}(?![\\p{L}\\p{N}_])`, 'iu').test(text);
}

/**
 * The one letter, A to J, that a text chooses: `B`, `(B)`, `b)`, `**B.**`, `\text{(B)}`, `Option B`, `B: because ...`.
 * A capital counts wherever it stands as a word of its own, but for `A` and `I` before other words, which they are too; a
 * small one in parentheses or alone. Undefined where it is none, or there are several.
 */
export function readChoice(said: string): string | undefined {
  const plain = said
    .slice(0, 1000)
    .replace(/\\(?:text|textbf|mathrm|mathbf|boxed)\s*(?=\{)/g, ' ')
    .replace(/[*_`$\\{}]/g, ' ')
    .trim();
  const alone = /^\(?([a-j])[).:]?$/i.exec(plain);
  if (alone !== null) return (alone[1] as string).toUpperCase();
  const first = /^(?:the )?(?:option |choice )?\(?([A-J])(?:[).:](?=\s|$)|$)/i.exec(plain);
  const others = [
    ...plain.matchAll(
      /(?<![\p{L}\p{N}'’-])(?:([B-HJ])(?![\p{L}\p{N}'’-])|\(([A-Ja-j])\)|([AI])(?=$|[).:,;!?]| (?:or|and)\b))/gu,
    ),
  ].map(([, capital, enclosed, article]) => (capital ?? enclosed ?? article ?? '').toUpperCase());
  const all = new Set(first === null ? others : [(first[1] as string).toUpperCase(), ...others]);
  return all.size === 1 ? [...all][0] : undefined;
}
