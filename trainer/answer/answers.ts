/** What is asked of a model, and what it answered: kept as it comes, so that nothing is asked twice. */
import { closeSync, fdatasyncSync, mkdirSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TrainerContext } from '../context.ts';
import { writeWhole } from '../data/line-file.ts';
import { lineAt, readFinishedLines } from '../data/lines.ts';
import type { Problem } from '../data/problem.ts';

/** Which response: the problem's place in the list, and the sample, both from 0. */
export interface Asked {
  index: number;
  sample: number;
}

/** One response that is asked for. */
export interface Question extends Asked {
  problem: Problem;
}

/** One response as it came. */
export interface Answer extends Asked {
  /** What was written. */
  text: string;
  /** Whether it was cut before it ended. */
  truncated: boolean;
  /** Tokens that were written, where that is known. */
  tokens?: number;
  /** The model that wrote it, as an endpoint calls it. */
  model?: string;
}

/** Answers that are on the disk. */
export interface Answers {
  readonly count: number;
  has(asked: Asked): boolean;
  /** Reads one that is there. */
  of(asked: Asked): Answer;
  /**
   * Keeps some, one after the other. They outlast this process when it returns, and a second later a power cut.
   *
   * @throws TrainerFailure `fenced` where another execution has the attempt
   */
  keep(answered: readonly Answer[]): void;
  close(): void;
}

/** Milliseconds. A disk takes some ten for each, and answers may come by the hundred. */
const syncEvery = 1000;

/**
 * The answers in a folder, those of earlier executions among them; in memory is where they stand. Each execution writes a
 * file of its own, so one that was replaced and does not know it yet spoils nothing. A line that was cut off counts for
 * nothing; of an answer that is there twice, the first counts.
 */
export function openAnswers(folder: string, checkLease: TrainerContext['checkLease']): Answers {
  mkdirSync(folder, { recursive: true });
  const numbers = readdirSync(folder).flatMap((name) => Number(/^(\d+)\.jsonl$/.exec(name)?.[1] ?? []));
  numbers.sort((a, b) => a - b);
  const pathOf = (number: number) => join(folder, `${number}.jsonl`);
  const places = new Map<string, { path: string; offset: number }>();
  const note = (asked: Asked, path: string, offset: number) => {
    if (!places.has(nameOf(asked))) places.set(nameOf(asked), { path, offset });
  };
  for (const path of numbers.map(pathOf))
    for (const { value, offset } of readFinishedLines(path)) note(value as Answer, path, offset);
  const own = pathOf((numbers.at(-1) ?? 0) + 1);
  let [file, size] = [undefined as number | undefined, 0];
  let synced = Number.NEGATIVE_INFINITY;
  return {
    get count() {
      return places.size;
    },
    has: (asked) => places.has(nameOf(asked)),
    of(asked) {
      const { path, offset } = places.get(nameOf(asked)) as { path: string; offset: number };
      return lineAt(path, offset).value as Answer;
    },
    keep(answered) {
      checkLease();
      file ??= openSync(own, 'ax');
      const lines = answered.map((answer) => `${JSON.stringify(answer)}\n`);
      writeWhole(file, lines.join(''));
      if (performance.now() - synced > syncEvery) {
        fdatasyncSync(file);
        synced = performance.now();
      }
      for (const [i, answer] of answered.entries()) {
        note(answer, own, size);
        size += Buffer.byteLength(lines[i] as string);
      }
    },
    close() {
      if (file !== undefined) closeSync(file);
      file = undefined;
    },
  };
}

function nameOf({ index, sample }: Asked): string {
  return `${index}/${sample}`;
}
