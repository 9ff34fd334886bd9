/** What a build reads: a prepared folder of problems, a line at a time. */
import { existsSync } from 'node:fs';
import type { Part } from '../../../schemas/types/job.ts';
import { TrainerFailure } from '../../failure.ts';
import { rightAnswer } from '../grade/statement.ts';
import { lineAt, readLines } from '../lines.ts';
import { gradingOf, problemPath, problemSplits } from '../prepared.ts';
import type { ProblemSplit } from '../problem.ts';
import { type LineResponse, type ProblemLine, problemLine } from '../problem-line.ts';
import { type DataFolders, folderOf } from '../sources.ts';

/** Problems, or responses to them, by split. What is remembered of many are places; `at` reads a line again. */
export interface ProblemSet {
  name: string;
  /** Those that it has, in the order sft, rl, test. */
  splits: readonly ProblemSplit[];
  /** The lines of one of them, in order; of a split that it has not, none. */
  lines(split: ProblemSplit): Iterable<Placed>;
  at(split: ProblemSplit, place: number): ProblemLine;
}

/** A line and where `at` finds it. */
export interface Placed {
  line: ProblemLine;
  place: number;
}

/** A line that a model wrote the solution of. */
export type AnsweredLine = ProblemLine & { response: LineResponse };

/** What is learned from; what is tested stays as it is in most operations. */
export const learnedSplits = ['sft', 'rl'] as const satisfies readonly ProblemSplit[];

/**
 * The set of a part. Its lines say how they are graded, whoever said it before, so that a set that is made of them does.
 *
 * @throws TrainerFailure `bad-job` for a generator, `bad-data` for files that are missing or broken.
 */
export function problemSet({ name, source }: Part, folders: DataFolders): ProblemSet {
  if (!('prepared' in source))
    throw new TrainerFailure('bad-job', `${name} is a generator: let a \`generate\` stage answer its problems first.`);
  const folder = folderOf(source.prepared, folders);
  const splits = problemSplits.filter((split) => existsSync(problemPath(folder, split)));
  if (splits.length === 0)
    throw new TrainerFailure('bad-data', `${name} has no problems: ${folder} has no problems-<split>.jsonl.`);
  let usual: ReturnType<typeof gradingOf> | undefined;
  const graded = (line: ProblemLine): ProblemLine => {
    if (line.kind !== undefined) return line;
    usual ??= gradingOf(answersIn(folder, splits), source.grading ?? {});
    return { ...line, ...usual };
  };
  return {
    name,
    splits,
    *lines(split) {
      if (!splits.includes(split)) return;
      for (const read of readLines(problemPath(folder, split)))
        yield { line: graded(problemLine(read)), place: read.offset };
    },
    at: (split, place) => graded(problemLine(lineAt(problemPath(folder, split), place))),
  };
}

/**
 * The line as one that a model answered.
 *
 * @throws TrainerFailure `bad-data` where none did.
 */
export function requireAnswered(line: ProblemLine, { name }: ProblemSet): AnsweredLine {
  if (line.response !== undefined) return line as AnsweredLine;
  throw new TrainerFailure(
    'bad-data',
    `${name} has a problem, ${line.id}, that no model has answered. Let a \`generate\` stage answer it, and build on that.`,
  );
}

function answersIn(folder: string, splits: readonly ProblemSplit[]): Set<string> {
  const answers = new Set<string>();
  for (const split of splits)
    for (const read of readLines(problemPath(folder, split))) answers.add(rightAnswer(problemLine(read).answer).trim());
  return answers;
}
