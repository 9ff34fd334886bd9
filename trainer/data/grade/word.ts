/** Answers that are one of a few: labels by word, choices by letter. */

/** Other words for the labels of true-or-false problems. */
const synonyms: Readonly<Record<string, readonly string[]>> = {
  True: ['yes', 'correct'],
  False: ['no', 'incorrect'],
  Uncertain: ['unknown', 'undetermined'],
};

/**
 * The one label that the first sentence of a text names as a whole word, in any letter case; undefined where it names none,
 * or several, or says `not` before one. Of labels within labels (`apple`, `apple pie`) the longest is named, and full stops
 * in a label (`5:00 P.M.`, `St. Louis`) end no sentence.
 */
export function readLabel(text: string, labels: readonly string[]): string | undefined {
  const spellings = labels
    .flatMap((label, index) => [label, ...(synonyms[label] ?? [])].map((word) => ({ word, sign: signs + index })))
    .sort((a, b) => b.word.length - a.word.length);
  let said = (text.split('\n', 1)[0] as string).replace(/\p{Co}/gu, ' ');
  // Each label becomes one sign, of those that mean nothing.
  for (const { word, sign } of spellings) said = said.replace(wordPattern(word), String.fromCodePoint(sign));
  const sentence = said.split(/[.!?](?=\s|$)/, 1)[0] as string;
  if (/(?:\b(?:not|never|neither|nor|than)|n['’]t)[\s"'*(]+\p{Co}/iu.test(sentence)) return undefined;
  const named = new Set(sentence.match(/\p{Co}/gu));
  const [only] = named;
  return named.size === 1 ? labels[(only?.codePointAt(0) as number) - signs] : undefined;
}

/** The first of the 65,000 code points of Unicode's plane 15, for private use. */
const signs = 0xf0000;

/** Where a word stands by itself, and is no part of another word or number; its last full stop may be a sentence's. */
function wordPattern(word: string): RegExp {
  const escaped = word.replace(/(?<=.)[.!?]$/, '').replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(?<![\\p{L}\\p{N}_]|\\p{N}[.,]|[-−–])${escaped}(?![\\p{L}\\p{N}_]|[.,]\\p{N})`, 'giu');
}

/**
 * The one letter, A to J, that a text chooses: `B`, `(B)`, `b)`, `**B.**`, `\text{(B)}`, `Option B`, `B: because ...`.
 * A capital counts wherever it stands as a word of its own, but for `A` and `I` before other words, which they are too; a
 * small one in parentheses or alone. Undefined where it is none, or there are several, or `not` stands before one.
 */
export function readChoice(said: string): string | undefined {
  const plain = said
    .slice(0, 1000)
    .replace(/\\(?:text|textbf|mathrm|mathbf|boxed)\s*(?=\{)/g, ' ')
    .replace(/[*_`$\\{}]/g, ' ')
    .trim();
  if (/\b(?:not|never|neither|nor|but|except)\s+(?:option |choice )?\(?[A-J]\b/i.test(plain)) return undefined;
  const alone = /^\(?([a-j])[).:]?$/i.exec(plain);
  if (alone !== null) return (alone[1] as string).toUpperCase();
  const first = /^(?:the )?(?:option |choice )?\(?([A-J])(?:[).:](?=\s|$)|$)/i.exec(plain);
  const others = [
    ...plain.matchAll(
      /(?<![\p{L}\p{N}'’-])(?:([B-HJ])(?![\p{L}\p{N}'’-])|\(([A-Ja-j])\)|([AI])(?=$|[).:,;!?/&]| (?:or|and)\b))/gu,
    ),
  ].map(([, capital, enclosed, article]) => (capital ?? enclosed ?? article ?? '').toUpperCase());
  const all = new Set(first === null ? others : [(first[1] as string).toUpperCase(), ...others]);
  return all.size === 1 ? [...all][0] : undefined;
}
