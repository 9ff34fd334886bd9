import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Choice, ChoiceItem } from '../../schemas/choices.ts';
import type { Grading } from '../../schemas/types/job.ts';
import { TrainerFailure } from '../failure.ts';
import { isGradable } from './grade/grade.ts';
import { rightAnswer } from './grade/statement.ts';
import { readLines, textField } from './lines.ts';
import type { Preference } from './preferences.ts';
import type { Problem, ProblemSplit } from './problem.ts';
import { exampleKey, type LineGrading, problemLine, promptKey } from './problem-line.ts';
import { canonicalNumber } from './rational.ts';

/** The problem files of a prepared folder, by split. */
export const problemSplits: readonly ProblemSplit[] = ['sft', 'rl', 'test'];

/** More different answers than this are no choice of labels. */
const mostLabels = 10;

/**
 * The documents of a prepared folder, `documents-train.jsonl` or `documents-heldout.jsonl`, once, in the order of the
 * file. Every line is `{"text": "…"}`. It reads as it goes, so a large file takes no memory.
 *
 * @throws TrainerFailure `bad-data` when the file is missing or a line is something else.
 */
export function* preparedDocuments(folder: string, split: 'train' | 'heldout'): Generator<string> {
  for (const { value, where } of readLines(join(folder, `documents-${split}.jsonl`))) {
    yield textField(value, 'text', where);
  }
}

/**
 * The problems of a prepared folder, `problems-<split>.jsonl`: lines of `{"id", "prompt", "solution", "answer"}`. Each
 * prompt counts once, but in `sft` each prompt with a solution: several responses to a problem are several examples. Of an
 * answer with its working, what is marked in it counts. What kind answers are says the line (`kind`, and `labels` to choose
 * from, and perhaps `marks` and `tolerance`), or `grading`, or else the answers of all three files: numbers, a few words to
 * choose from, or literals.
 *
 * @throws TrainerFailure `bad-data` when the file is missing, a line is something else, two splits share a prompt, or no
 * response to a problem that is graded could be right.
 */
export function preparedProblems(folder: string, split: ProblemSplit, grading: Grading = {}): Problem[] {
  requireProblems(folder, split);
  const prompts = new Map<string, ProblemSplit>();
  const examples = new Set<string>();
  const answers = new Set<string>();
  const found: { problem: Omit<Problem, 'kind'>; said: LineGrading; where: string }[] = [];
  for (const each of problemSplits.filter((name) => existsSync(problemPath(folder, name)))) {
    for (const read of readLines(problemPath(folder, each))) {
      const { where } = read;
      const { id, prompt, solution, answer, response: _, ...said } = problemLine(read);
      const problem = { id, prompt, solution, answer: rightAnswer(answer).trim() };
      const key = promptKey(prompt);
      const same = prompts.get(key);
      if (same !== undefined && same !== each) {
        throw new TrainerFailure(
          'bad-data',
          `${where}: the problem "${prompt.slice(0, 60)}" is in the ${same} split too; what is tested must not be trained on.`,
        );
      }
      prompts.set(key, each);
      answers.add(problem.answer);
      if (each === split && isNew(examples, split === 'sft' ? exampleKey(problem) : key))
        found.push({ problem, said, where });
    }
  }
  const usual = gradingOf(answers, grading);
  return found.map(({ problem, said, where }) => {
    const whole = { ...problem, ...usual, ...said };
    // SFT grades nothing, and its key does not say how.
    if (split !== 'sft') requireGradable(whole, where);
    return whole;
  });
}

/** Throws a `bad-data` TrainerFailure unless a response to the problem could be right. */
export function requireGradable(problem: Problem, where: string): void {
  if (isGradable(problem)) return;
  throw new TrainerFailure(
    'bad-data',
    `${where}: the answer ${JSON.stringify(problem.answer.slice(0, 60))} cannot be read as ${problem.kind}, so that no response would be right. Say in the data set's \`grading\` what its \`answers\` are.`,
  );
}

/**
 * The prompts of the first `count` problems of a split of a prepared folder as `preparedProblems` counts them, each prompt
 * once, in the order of the file. It reads as it goes: a large file takes no memory but for 16 bytes a response.
 *
 * @throws TrainerFailure `bad-data` when the file is missing or a line is something else.
 */
export function* preparedPrompts(folder: string, split: ProblemSplit, count: number): Generator<string> {
  requireProblems(folder, split);
  const [examples, prompts] = [new Set<string>(), new Set<string>()];
  let left = count;
  for (const read of readLines(problemPath(folder, split))) {
    if (left === 0) return;
    const line = problemLine(read);
    // Only where models have answered may a prompt come again.
    const isAnswered = line.response !== undefined;
    const key = isAnswered ? promptKey(line.prompt) : '';
    if (isAnswered && !isNew(examples, split === 'sft' ? exampleKey(line) : key)) continue;
    left -= 1;
    if (!isAnswered || isNew(prompts, key)) yield line.prompt;
  }
}

/** Whether a key is new to a set, which has it from then on. */
function isNew(known: Set<string>, key: string): boolean {
  return known.size < known.add(key).size;
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
  for (const { value, where } of readLines(path)) {
    const pair = {
      id: textField(value, 'id', where),
      prompt: textField(value, 'prompt', where),
      chosen: textField(value, 'chosen', where),
      rejected: textField(value, 'rejected', where),
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
  return [...readLines(join(folder, 'choices.jsonl'))].map(({ value, where }) => {
    const { choices, gold } = value as { choices?: unknown; gold?: unknown };
    if (!Array.isArray(choices) || typeof gold !== 'number' || choices[gold] === undefined)
      throw new TrainerFailure('bad-data', `${where}: there are no choices of which one is right.`);
    const read = (choice: unknown): Choice => ({
      context: textField(choice, 'context', where),
      continuation: textField(choice, 'continuation', where),
    });
    return { id: textField(value, 'id', where), choices: choices.map(read), gold };
  });
}

/** The file of a split of a prepared folder. */
export function problemPath(folder: string, split: ProblemSplit): string {
  return join(folder, `problems-${split}.jsonl`);
}

/** How problems are graded whose lines do not say it: as declared, or else by what all answers of their set are. */
export function gradingOf(
  answers: ReadonlySet<string>,
  { answers: declared, marks, tolerance }: Grading,
): Pick<Problem, 'kind'> & LineGrading {
  return { ...kindOf(answers, declared), ...(marks && { marks }), ...(tolerance && { tolerance }) };
}

function requireProblems(folder: string, split: ProblemSplit): void {
  const path = problemPath(folder, split);
  if (existsSync(path)) return;
  const others = problemSplits.filter((name) => existsSync(problemPath(folder, name)));
  throw new TrainerFailure(
    'bad-data',
    others.length > 0
      ? `${path} is missing: the data set has problems in its ${others.join(' and ')} split alone.`
      : `${path} is missing: the data set has no problems. Say in its \`columns\` which hold the prompt and the answer.`,
  );
}

function kindOf(answers: ReadonlySet<string>, declared: Problem['kind'] | undefined): Pick<Problem, 'kind' | 'labels'> {
  const all = [...answers];
  if (declared !== undefined) return declared === 'label' ? { kind: declared, labels: all.sort() } : { kind: declared };
  if (all.every((answer) => canonicalNumber(answer) !== undefined)) return { kind: 'number' };
  if (all.length <= mostLabels && all.every((answer) => /^\p{L}+$/u.test(answer)))
    return { kind: 'label', labels: all.sort() };
  return { kind: 'literal' };
}
