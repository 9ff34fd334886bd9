/** A line of `problems-<split>.jsonl`, whoever writes and whoever reads it. */
import { createHash } from 'node:crypto';
import { normalisedPrompt } from '../../schemas/problem.ts';
import { TrainerFailure } from '../failure.ts';
import { type Mark, usualMarks } from './grade/statement.ts';
import { type Line, textField } from './lines.ts';
import type { AnswerKind, Problem } from './problem.ts';

/** What a model wrote for a problem; its text is the line's `solution`. */
export interface LineResponse {
  /** Which of the responses to the problem, from 0. */
  sample: number;
  /** As the grader read it, a right one in the form of the right answer; null where there is none. */
  answer: string | null;
  correct: boolean;
  /** Whether it was cut before it ended. */
  truncated: boolean;
}

/** How a line says that it is graded; without `kind` its data set does. */
export type LineGrading = Partial<Pick<Problem, 'kind' | 'labels' | 'marks' | 'tolerance'>>;

/** A problem as a line has it: its answer may still be a solution with the answer marked in it. */
export interface ProblemLine extends LineGrading {
  id: string;
  prompt: string;
  solution: string;
  answer: string;
  response?: LineResponse;
}

/**
 * What a line says, without what nobody reads.
 *
 * @throws TrainerFailure `bad-data` where it is no problem.
 */
export function problemLine({ value, where }: Pick<Line, 'value' | 'where'>): ProblemLine {
  const text = (name: string) => textField(value, name, where);
  return {
    id: text('id'),
    prompt: text('prompt'),
    solution: text('solution'),
    answer: text('answer'),
    ...gradingIn(value, where),
    ...responseIn(value, where),
  };
}

/** A line's text, with its end. Fields stand in one order, so that equal problems are equal bytes. */
export function lineText({
  id,
  prompt,
  solution,
  answer,
  kind,
  labels,
  marks,
  tolerance,
  response,
}: ProblemLine): string {
  return `${JSON.stringify({ id, prompt, solution, answer, kind, labels, marks, tolerance, response })}\n`;
}

/** 128 bits of SHA-256 that tell a prompt from others, as `normalisedPrompt` has them the same. */
export function promptKey(prompt: string): string {
  return textKey([normalisedPrompt(prompt)]);
}

/** The same of an example to learn from: of its prompt and its solution. */
export function exampleKey({ prompt, solution }: Pick<ProblemLine, 'prompt' | 'solution'>): string {
  return textKey([normalisedPrompt(prompt), solution.trim()]);
}

function textKey(texts: string[]): string {
  // A byte a character, since there may be millions.
  return createHash('sha256').update(JSON.stringify(texts)).digest().subarray(0, 16).toString('latin1');
}

const answerKinds: readonly unknown[] = ['number', 'math', 'choice', 'label', 'literal'] satisfies AnswerKind[];
const allMarks: readonly unknown[] = [...usualMarks, 'last', 'whole'] satisfies Mark[];

function gradingIn(value: unknown, where: string): LineGrading {
  const { kind, labels, marks, tolerance } = value as Record<string, unknown>;
  if (kind === undefined) return {};
  const isList = Array.isArray(labels) && labels.every((label) => typeof label === 'string');
  if (!answerKinds.includes(kind) || (labels === undefined ? kind === 'label' : !isList))
    throw new TrainerFailure(
      'bad-data',
      `${where}: "kind" is none of ${answerKinds.join(', ')}, or a label has no "labels".`,
    );
  const isMarks = Array.isArray(marks) && marks.length > 0 && marks.every((mark) => allMarks.includes(mark));
  if ((marks !== undefined && !isMarks) || (tolerance !== undefined && typeof tolerance !== 'number'))
    throw new TrainerFailure(
      'bad-data',
      `${where}: "marks" are not of ${allMarks.join(', ')}, or "tolerance" is no number.`,
    );
  return {
    kind: kind as AnswerKind,
    ...(isList && { labels: labels as string[] }),
    ...(isMarks && { marks: marks as Mark[] }),
    ...(tolerance !== undefined && { tolerance: tolerance as number }),
  };
}

function responseIn(value: unknown, where: string): Pick<ProblemLine, 'response'> {
  const { response } = value as { response?: Partial<LineResponse> };
  if (response === undefined) return {};
  const { sample, answer, correct, truncated } = response;
  const isWhole = Number.isInteger(sample) && typeof correct === 'boolean' && typeof truncated === 'boolean';
  if (!isWhole || (answer !== null && typeof answer !== 'string'))
    throw new TrainerFailure('bad-data', `${where}: "response" has no sample, answer, correct and truncated.`);
  return { response: { sample: sample as number, answer, correct, truncated } };
}
