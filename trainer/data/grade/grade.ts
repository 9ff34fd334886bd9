import type { AnswerKind, Problem } from '../problem.ts';
import { printRational, type Rational, within } from '../rational.ts';
import { type Answer, printAnswer } from './math/answer.ts';
import { parseAnswer } from './math/parse.ts';
import { sameAnswer } from './math/same.ts';
import { readNumber } from './number.ts';
import { type Marked, markedAnswer, sentenceOf } from './statement.ts';
import { readChoice, readLabel } from './word.ts';
import { readWritten } from './written.ts';

/** The verdict on a response. */
export interface Grade {
  /** What it was found to answer, a right answer in the form of the right one; null where no answer was found. */
  answer: string | null;
  correct: boolean;
  /** The kind of answer, and the two forms that were compared or what was missing: `math: 1/2 is not 1/3`. */
  why: string;
}

/** What is looked at to grade. */
export type Graded = Pick<Problem, 'answer' | 'kind' | 'labels' | 'marks' | 'tolerance'>;

/**
 * Reads the answer out of a response and compares it with the right one, by the rules of docs/grading.md. The same response
 * has the same verdict always and everywhere: no clock decides, the length bounds the work, and nothing is evaluated that
 * a model wrote.
 */
export function grade(problem: Graded, response: string): Grade {
  const marked = markedAnswer(response, problem.marks);
  if (marked === undefined) return { answer: null, correct: false, why: `${problem.kind}: no answer is marked` };
  const { said, expected, same } = kinds[problem.kind](problem, marked);
  if (said === undefined)
    return { answer: null, correct: false, why: `${problem.kind}: not readable: ${shown(marked.text)}` };
  const form = expected === undefined ? `comparable with ${shown(problem.answer)}` : shown(expected);
  const why = `${problem.kind}: ${shown(said)} is ${same ? '' : 'not '}${form}`;
  return { answer: same && expected !== undefined ? expected : said, correct: same, why };
}

/** Whether the right answer of a problem can be read as what its kind says, so that any response could be right. */
export function isGradable(problem: Graded): boolean {
  return kinds[problem.kind](problem, { text: problem.answer, mark: 'whole' }).same;
}

/** Two answers compared: the form of each, undefined where it cannot be read, and whether they are the same. */
interface Comparison {
  said: string | undefined;
  expected: string | undefined;
  same: boolean;
}

const kinds: Readonly<Record<AnswerKind, (problem: Graded, marked: Marked) => Comparison>> = {
  number: comparing<Rational>(
    (marked) => readNumber(sentenceOf(marked)),
    printRational,
    (expected, said, { tolerance = 0 }) => within(expected, said, tolerance),
  ),
  math: comparing<Answer>(
    (marked) => parseAnswer(marked.mark === 'phrase' ? sentenceOf(marked) : marked.text),
    printAnswer,
    (expected, said, { tolerance }) => sameAnswer(expected, said, tolerance),
  ),
  choice: comparing<string>((marked) => readChoice(marked.mark === 'phrase' ? sentenceOf(marked) : marked.text)),
  label: comparing<string>((marked, { labels = [] }) => readLabel(marked.text, labels)),
  literal: comparing<string>((marked, { answer }) => readWritten(marked, answer)),
};

function comparing<T>(
  read: (marked: Marked, problem: Graded) => T | undefined,
  print: (answer: T) => string = String,
  same: (expected: T, said: T, problem: Graded) => boolean = (expected, said) => expected === said,
): (problem: Graded, marked: Marked) => Comparison {
  return (problem, marked) => {
    const said = read(marked, problem);
    const expected = read({ text: problem.answer, mark: 'whole' }, problem);
    return {
      said: said && print(said),
      expected: expected && print(expected),
      same: said !== undefined && expected !== undefined && same(expected, said, problem),
    };
  };
}

/** A text on one line and no longer than fits beside another. */
function shown(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}
