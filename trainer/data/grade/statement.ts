/** Where in a response its answer stands. */

/**
 * A way of marking an answer:
 *
 * - `boxed`: in the last `\boxed{…}` or `\fbox{…}`, braces matched
 * - `phrase`: after the last `answer is`, or `answer:`, to the end of the sentence
 * - `hashes`: after the last `####`, to the end of its line, as in GSM8K
 * - `last`: the last number, as in the flexible extraction of lm-evaluation-harness
 * - `whole`: all that was written
 */
export type Mark = 'boxed' | 'phrase' | 'hashes' | 'last' | 'whole';

/** Where answers are looked for unless a data set says otherwise: as in EvoLM, and then as in GSM8K. */
export const usualMarks: readonly Mark[] = ['boxed', 'phrase', 'hashes'];

/** The text that states an answer, and what marked it. */
export interface Marked {
  text: string;
  mark: Mark;
}

/**
 * The text that states a response's answer: what the first of `marks` that occurs has marked, or undefined where none does.
 * A mark that occurs and marks nothing (an open brace, `answer is not …`) is not passed over for another. What comes after
 * a new `Human:` is not part of the response.
 */
export function markedAnswer(response: string, marks: readonly Mark[] = usualMarks): Marked | undefined {
  const own = response.split(/\n[^\S\n]*Human:/, 1)[0] as string;
  for (const mark of marks) {
    const text = finders[mark](own);
    if (text !== null) return text === undefined ? undefined : { text, mark };
  }
  return undefined;
}

/** The right answer in a data set's answer, which may be a solution that ends in a line `#### 18`, or in `\boxed{18}`. */
export function rightAnswer(answer: string): string {
  const marked = /^#### /m.test(answer) ? markedAnswer(answer, ['hashes']) : markedAnswer(answer, ['boxed']);
  return marked?.text ?? answer;
}

/** The first sentence of what was marked, without its full stop. */
export function sentenceOf({ text }: Marked): string {
  return text.split(/[.!?](?=\s|$)|\n/, 1)[0] as string;
}

/** What each mark marks: null where it does not occur, undefined where it marks nothing. */
const finders: Readonly<Record<Mark, (text: string) => string | undefined | null>> = {
  boxed(text) {
    const at = Math.max(text.lastIndexOf('\\boxed{'), text.lastIndexOf('\\fbox{'));
    return at < 0 ? null : insideBraces(text.slice(text.indexOf('{', at)));
  },
  phrase(text) {
    const end = endOfLast(text, /\banswer(?: is\b *:?|:)/gi);
    if (end === undefined) return null;
    const rest = text.slice(end).trimStart();
    return /^not\b/i.test(rest) ? undefined : rest;
  },
  hashes(text) {
    const at = text.lastIndexOf('####');
    return at < 0 ? null : text.slice(at + '####'.length).split('\n', 1)[0];
  },
  last(text) {
    const all = text.match(/(?<![\d\p{L}.,])[-−–]?[$€£]?(?:\d+(?:,\d+)*(?:\.\d+)?|\.\d+)(?:\/\d+)?/gu);
    return all?.at(-1) ?? null;
  },
  whole: (text) => text.trim(),
};

/** The text between the first brace and the one that closes it; `\{` and `\}` do not count. */
function insideBraces(text: string): string | undefined {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '{') depth++;
    else if (text[i] === '}' && --depth === 0) return text.slice(1, i);
  }
  return undefined;
}

function endOfLast(text: string, pattern: RegExp): number | undefined {
  let end: number | undefined;
  for (const found of text.matchAll(pattern)) end = found.index + found[0].length;
  return end;
}
