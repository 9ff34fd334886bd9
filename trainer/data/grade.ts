import { canonicalNumber, readLiteral } from './literal.ts';
import type { Problem } from './problem.ts';

/** What a response was found to answer, in one form for equal answers; null where no answer was found. */
export interface Grade {
  answer: string | null;
  correct: boolean;
}

/** What is looked at to grade. */
export type Graded = Pick<Problem, 'answer' | 'kind' | 'labels'>;

/**
 * Reads the answer out of a response and compares it with the right one.
 *
 * Where it looks, as EvoLM's evaluation does: in the last `\boxed{…}` if there is one, else after the last `answer is`,
 * up to the end of the sentence; a response with neither has no answer. What comes after a new `Human:` is not part of
 * the response. There, a number is the first one (after the last `=`; an unfinished calculation is no number), a label
 * is a whole word, never a part of one, and exactly one label must occur; a literal is parsed, so that spaces and
 * quotes do not matter.
 */
export function grade(problem: Graded, response: string): Grade {
  const statement = answerStatement(response);
  const answer = statement === undefined ? undefined : readers[problem.kind](statement, problem);
  return {
    answer: answer ?? null,
    correct: answer !== undefined && answer === readers[problem.kind](problem.answer, problem),
  };
}

type Reader = (statement: string, problem: Graded) => string | undefined;

const readers: Record<Problem['kind'], Reader> = { number: readNumber, label: readLabel, literal: readWritten };

function answerStatement(response: string): string | undefined {
  const own = response.split(/\n\s*Human:/, 1)[0] as string;
  const boxed = own.lastIndexOf('\\boxed{');
  if (boxed >= 0) return insideBraces(own.slice(boxed + '\\boxed'.length));
  const phrase = [...own.matchAll(/\banswer is\b\s*:?/gi)].at(-1);
  if (phrase === undefined) return undefined;
  const rest = own.slice(phrase.index + phrase[0].length).trimStart();
  return /^not\b/i.test(rest) ? undefined : rest;
}

/** The text up to the brace that closes the first one. */
function insideBraces(text: string): string | undefined {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '{') depth++;
    if (text[i] === '}' && --depth === 0) return text.slice(1, i);
  }
  return undefined;
}

function sentence(text: string): string {
  return text.split(/[.!?](?=\s|$)|\n/, 1)[0] as string;
}

function readNumber(statement: string): string | undefined {
  const value = sentence(statement).split('=').at(-1) as string;
  const found = /(?<![\d\p{L}.])[-−]?(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)(?:\s*\/\s*\d+)?/u.exec(value);
  if (found === null) return undefined;
  const unfinished = /^\s*[-−+*×·/^]\s*[\d(]/.test(value.slice(found.index + found[0].length));
  return unfinished ? undefined : canonicalNumber(found[0]);
}

/** Other words for the labels of true-or-false problems. */
const synonyms: Readonly<Record<string, readonly string[]>> = {
  True: ['yes', 'correct'],
  False: ['no', 'incorrect'],
  Uncertain: ['unknown', 'undetermined'],
};

function readLabel(statement: string, { labels = [] }: Graded): string | undefined {
  const said = sentence(statement);
  const named = labels.filter((label) => [label, ...(synonyms[label] ?? [])].some((word) => hasWord(said, word)));
  return named.length === 1 ? named[0] : undefined;
}

function hasWord(text: string, word: string): boolean {
  const escaped = word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(?<![\\p{L}\\p{N}_])${escaped}(?![\\p{L}\\p{N}_])`, 'iu').test(text);
}

/** A literal; or plain words, where the right answer is plain words or the words stand for a string without its quotes. */
function readWritten(statement: string, { answer }: Graded): string | undefined {
  const expected = readLiteral(answer);
  const text = statement.replace(/^`+/, '');
  if (expected !== undefined && expected.rest.trim() === '') {
    const said = readLiteral(text);
    if (said !== undefined) return /^(?:\w|\s*[-+*/%=<>|&^([])/.test(said.rest) ? undefined : said.canonical;
    if (!expected.canonical.startsWith('"')) return undefined;
  }
  const words = sentence(text)
    .replace(/[\s.`]+$/, '')
    .replace(/\s+/g, ' ');
  return words === '' ? undefined : JSON.stringify(words);
}
