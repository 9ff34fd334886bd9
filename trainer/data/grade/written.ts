import { readLiteral } from '../literal.ts';
import { type Marked, sentenceOf } from './statement.ts';

/**
 * A value as Python writes it, in one form for equal values; or plain words, where the right answer is plain words or the
 * words stand for a string without its quotes. Undefined where it is neither, or goes on as a calculation or with another.
 */
export function readWritten({ text, mark }: Marked, answer: string): string | undefined {
  const expected = readLiteral(answer);
  const plain = mark === 'boxed' ? withoutLatex(text) : text.replace(/^`+(?:python\n)?/, '');
  if (expected !== undefined && expected.rest.trim() === '') {
    const said = readLiteral(plain);
    if (said !== undefined) {
      const tuple =
        expected.canonical.startsWith('(') && /^\s*,/.test(said.rest)
          ? readLiteral(`(${sentenceOf({ text: plain, mark })})`)
          : said;
      if (tuple === undefined || /^(?:\w|\s*[-+*/%=<>|&^([])/.test(tuple.rest)) return undefined;
      return goesOnWithAnother(tuple.rest) ? undefined : tuple.canonical;
    }
    if (!expected.canonical.startsWith('"')) return undefined;
  }
  const sentence = sentenceOf({ text: plain, mark })
    .replace(/(?<![.`])[.`]+$/, '')
    .trim();
  // In a string each space counts.
  const words = expected === undefined ? sentence.replace(/\s+/g, ' ') : sentence;
  return words === '' ? undefined : JSON.stringify(words);
}

/** Whether another value follows, `[1], [2]` or `5 or 6`: then it was one of several. */
function goesOnWithAnother(rest: string): boolean {
  const separator = /^\s*(?:,|or\b|and\b)/.exec(rest);
  return separator !== null && readLiteral(rest.slice(separator[0].length)) !== undefined;
}

/** What a box holds, as it was meant: `\text{[1, 2]}`, `\{1, 2\}`, `\texttt{a\_b}`. */
function withoutLatex(text: string): string {
  const inside = /^\s*\\(?:text|texttt|mathtt|textbf|mathrm)\s*\{(.*)\}\s*$/s.exec(text)?.[1] ?? text;
  return inside.replace(/\\([{}_#$%&])/g, '$1');
}
