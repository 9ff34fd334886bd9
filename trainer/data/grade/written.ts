import { readLiteral } from '../literal.ts';
import { type Marked, sentenceOf } from './statement.ts';

/**
 * A value as Python writes it, in one form for equal values; or plain words, where the right answer is plain words or the
 * words stand for a string without its quotes. Undefined where it is neither, or goes on as a calculation.
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
      return tuple === undefined || /^(?:\w|\s*[-+*/%=<>|&^([])/.test(tuple.rest) ? undefined : tuple.canonical;
    }
    if (!expected.canonical.startsWith('"')) return undefined;
  }
  const words = sentenceOf({ text: plain, mark })
    .replace(/[.`]+$/, '')
    .trim()
    .replace(/\s+/g, ' ');
  return words === '' ? undefined : JSON.stringify(words);
}

/** What a box holds, as it was meant: `\text{[1, 2]}`, `\{1, 2\}`, `\texttt{a\_b}`. */
function withoutLatex(text: string): string {
  const inside = /^\s*\\(?:text|texttt|mathtt|textbf|mathrm)\s*\{(.*)\}\s*$/s.exec(text)?.[1] ?? text;
  return inside.replace(/\\([{}_#$%&])/g, '$1');
}
