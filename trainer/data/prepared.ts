import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import type { Choice, ChoiceItem } from '../../schemas/choices.ts';
import { normalisedPrompt } from '../../schemas/problem.ts';
import type { Grading } from '../../schemas/types/job.ts';
import { TrainerFailure } from '../failure.ts';
import { isGradable } from './grade/grade.ts';
import { rightAnswer } from './grade/statement.ts';
import type { Preference } from './preferences.ts';
import type { AnswerKind, Problem, ProblemSplit } from './problem.ts';
import { canonicalNumber } from './rational.ts';

/** The problem files of a prepared folder, by split. */
const splits: readonly ProblemSplit[] = ['sft', 'rl', 'test'];

/** More different answers than this are no choice of labels. */
const mostLabels = 10;

/**
 * The documents of a prepared folder, `documents-train.jsonl` or `documents-heldout.jsonl`, once, in the order of the
 * file. Every line is `{"text": "…"}`. It reads as it goes, so a large file takes no memory.
 *
 * @throws TrainerFailure `bad-data` when the file is missing or a line is something else.
 */
export function* preparedDocuments(folder: string, split: 'train' | 'heldout'): Generator<string> {
  for (const { value, where } of records(join(folder, `documents-${split}.jsonl`))) {
    yield field(value, 'text', where);
  }
}

/**
 * The problems of a prepared folder, `problems-<split>.jsonl`: lines of `{"id", "prompt", "solution", "answer"}`, each
 * prompt once. Of an answer with its working, what is marked in it counts. What kind answers are says the line (`kind`, and
 * `labels` to choose from), or `grading`, or else the answers of all three files: numbers, a few words to choose from, or
 * literals.
 *
 * @throws TrainerFailure `bad-data` when the file is missing, a line is something else, two splits share a prompt, or no
 * response to a problem that is graded could be right.
 */
export function preparedProblems(folder: string, split: ProblemSplit, grading: Grading = {}): Problem[] {
  requireProblems(folder, split);
  const prompts = new Map<string, ProblemSplit>();
  const answers = new Set<string>();
  const found: { problem: Omit<Problem, 'kind'>; said: Pick<Problem, 'kind' | 'labels'> | undefined; where: string }[] =
    [];
  for (const each of splits.filter((name) => existsSync(problemPath(folder, name)))) {
    for (const { value, where } of records(problemPath(folder, each))) {
      const problem = {
        id: field(value, 'id', where),
        prompt: field(value, 'prompt', where),
        solution: field(value, 'solution', where),
        answer: rightAnswer(field(value, 'answer', where)).trim(),
      };
      const same = prompts.get(normalisedPrompt(problem.prompt));
      if (same !== undefined && same !== each) {
        throw new TrainerFailure(
          'bad-data',
          `${where}: the problem "${problem.prompt.slice(0, 60)}" is in the ${same} split too; what is tested must not be trained on.`,
        );
      }
      answers.add(problem.answer);
      if (same === undefined && each === split) found.push({ problem, said: answerKind(value, where), where });
      prompts.set(normalisedPrompt(problem.prompt), each);
    }
  }
  const { marks, tolerance } = grading;
  const kind = { ...kindOf(answers, grading.answers), ...(marks && { marks }), ...(tolerance && { tolerance }) };
  return found.map(({ problem, said, where }) => {
    const whole = { ...problem, ...kind, ...said };
    // SFT grades nothing, and its key does not say how.
    if (split === 'sft' || isGradable(whole)) return whole;
    throw new TrainerFailure(
      'bad-data',
      `${where}: the answer ${JSON.stringify(problem.answer.slice(0, 60))} cannot be read as ${whole.kind}, so that no response would be right. Say in the data set's \`grading\` what its \`answers\` are.`,
    );
  });
}

/**
 * The prompts of one split of a prepared folder, in the order of the file. It reads as it goes, so a large file takes no
 * memory.
 *
 * @throws TrainerFailure `bad-data` when the file is missing or a line is something else.
 */
export function* preparedPrompts(folder: string, split: ProblemSplit): Generator<string> {
  requireProblems(folder, split);
  for (const { value, where } of records(problemPath(folder, split))) yield field(value, 'prompt', where);
}

/**
 * The pairs of a prepared folder, `preferences-train.jsonl` or `preferences-heldout.jsonl`, in the order of the file: lines of
 * `{"id", "prompt", "chosen", "rejected"}`. It reads as it goes.
 *
 * @throws TrainerFailure `bad-data` when the file is missing, a line is something else, or both responses of a pair are the same.
 */
export function* preparedPreferences(folder: string, split: 'train' | 'heldout'): Generator<Preference> {
  const path = join(folder, `preferences-${split}.jsonl`);
  if (!existsSync(path))
    throw new TrainerFailure(
      'bad-data',
      `${path} is missing: the data set has no pairs of a chosen and a rejected response. Say in its \`columns\` which hold the prompt and both, or make pairs with a \`build\`.`,
    );
  for (const { value, where } of records(path)) {
    const pair = {
      id: field(value, 'id', where),
      prompt: field(value, 'prompt', where),
      chosen: field(value, 'chosen', where),
      rejected: field(value, 'rejected', where),
    };
    if (pair.chosen === pair.rejected)
      throw new TrainerFailure(
        'bad-data',
        `${where}: "chosen" and "rejected" are the same, so that neither is better.`,
      );
    yield pair;
  }
}

/**
 * The items of a prepared folder, `choices.jsonl`: lines of `{"id", "choices": [{"context", "continuation"}, …], "gold"}`.
 *
 * @throws TrainerFailure `bad-data` when the file is missing or a line is something else.
 */
export function preparedItems(folder: string): ChoiceItem[] {
  return [...records(join(folder, 'choices.jsonl'))].map(({ value, where }) => {
    const { choices, gold } = value as { choices?: unknown; gold?: unknown };
    if (!Array.isArray(choices) || typeof gold !== 'number' || choices[gold] === undefined)
      throw new TrainerFailure('bad-data', `${where}: there are no choices of which one is right.`);
    const read = (choice: unknown): Choice => ({
      context: field(choice, 'context', where),
      continuation: field(choice, 'continuation', where),
    });
    return { id: field(value, 'id', where), choices: choices.map(read), gold };
  });
}

function requireProblems(folder: string, split: ProblemSplit): void {
  const path = problemPath(folder, split);
  if (existsSync(path)) return;
  throw new TrainerFailure(
    'bad-data',
    `${path} is missing: the data set has no problems. Say in its \`columns\` which hold the prompt and the answer.`,
  );
}

function problemPath(folder: string, split: ProblemSplit): string {
  return join(folder, `problems-${split}.jsonl`);
}

const answerKinds: readonly unknown[] = ['number', 'math', 'choice', 'label', 'literal'] satisfies AnswerKind[];

/** What a line says of its answer, where it does. */
function answerKind(value: unknown, where: string): Pick<Problem, 'kind' | 'labels'> | undefined {
  const { kind, labels } = value as { kind?: unknown; labels?: unknown };
  if (kind === undefined) return undefined;
  const isList = Array.isArray(labels) && labels.every((label) => typeof label === 'string');
  if (!answerKinds.includes(kind) || (labels === undefined ? kind === 'label' : !isList))
    throw new TrainerFailure(
      'bad-data',
      `${where}: "kind" is none of ${answerKinds.join(', ')}, or a label has no "labels".`,
    );
  return { kind: kind as AnswerKind, ...(isList ? { labels: labels as string[] } : {}) };
}

function kindOf(answers: ReadonlySet<string>, declared: Problem['kind'] | undefined): Pick<Problem, 'kind' | 'labels'> {
  const all = [...answers];
  if (declared !== undefined) return declared === 'label' ? { kind: declared, labels: all.sort() } : { kind: declared };
  if (all.every((answer) => canonicalNumber(answer) !== undefined)) return { kind: 'number' };
  if (all.length <= mostLabels && all.every((answer) => /^\p{L}+$/u.test(answer)))
    return { kind: 'label', labels: all.sort() };
  return { kind: 'literal' };
}

function* records(path: string): Generator<{ value: unknown; where: string }> {
  let line = 0;
  for (const text of lines(path)) {
    line++;
    if (text.trim() === '') continue;
    const where = `${path}:${line}`;
    try {
      yield { value: JSON.parse(text) as unknown, where };
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw new TrainerFailure(
        'bad-data',
        `${where}: this is not JSON (${error.message}). Prepare the data set again.`,
        { cause: error },
      );
    }
  }
}

function* lines(path: string): Generator<string> {
  if (!existsSync(path)) throw new TrainerFailure('bad-data', `${path} is missing. Prepare the data set again.`);
  const file = openSync(path, 'r');
  try {
    const buffer = Buffer.allocUnsafe(1 << 20);
    const decoder = new StringDecoder('utf8');
    let rest = '';
    for (let size = readSync(file, buffer); size > 0; size = readSync(file, buffer)) {
      const pieces = (rest + decoder.write(buffer.subarray(0, size))).split('\n');
      rest = pieces.pop() as string;
      yield* pieces;
    }
    rest += decoder.end();
    if (rest !== '') yield rest;
  } finally {
    closeSync(file);
  }
}

function field(value: unknown, name: string, where: string): string {
  const content = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  if (typeof content !== 'string') throw new TrainerFailure('bad-data', `${where}: there is no text in "${name}".`);
  return content;
}
