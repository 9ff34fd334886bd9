/** What a build writes: the lines that it keeps, those that it drops and why, and how many there are of each. */
import { join } from 'node:path';
import { createLineFile, type LineFile } from '../line-file.ts';
import type { Preference } from '../preferences.ts';
import { problemPath } from '../prepared.ts';
import type { ProblemSplit } from '../problem.ts';
import { lineText, type ProblemLine } from '../problem-line.ts';
import type { ProblemSet } from './set.ts';

/** Why something is dropped: a word of an operation's own. */
export type Reason = string;

/** Where an operation puts what it decides on: each line, or each problem, is kept once or dropped once. */
export interface Output {
  /** Keeps a line, in a split. `of` is the set that it comes from. */
  keep(split: ProblemSplit, line: ProblemLine, of?: ProblemSet): void;
  /** Drops a line, with what else there is to say of it. */
  drop(reason: Reason, line: ProblemLine, of?: ProblemSet, said?: Record<string, unknown>): void;
  /** Keeps a pair of responses, a better and a worse one. */
  pair(side: 'train' | 'heldout', pair: Preference): void;
  /** Counts what is kept without a line of its own. */
  count(kept: number): void;
}

/** Files that are written into as things come. */
export interface BuiltFiles extends Output {
  /** Writes what is left, and closes them. */
  close(): void;
  /**
   * `given`, `kept`, `dropped`, and `dropped.<reason>`; of several sets `kept.<set>` and `dropped.<reason>.<set>` too. And
   * how many lines there are in each file: `sftExamples`, `heldoutPairs`.
   */
  facts(): Record<string, number>;
}

/**
 * The files of a build in a folder: `problems-<split>.jsonl` of the named splits, or both `preferences-<side>.jsonl`, and
 * `dropped.jsonl`. What is written is on the disk when they are closed.
 *
 * @param several whether counts are told by set
 */
export function builtFiles(folder: string, holds: readonly ProblemSplit[] | 'pairs', several: boolean): BuiltFiles {
  const lines = new Map<ProblemSplit | 'train' | 'heldout', LineFile>(
    holds === 'pairs'
      ? (['train', 'heldout'] as const).map((side) => [side, createLineFile(join(folder, `preferences-${side}.jsonl`))])
      : holds.map((split) => [split, createLineFile(problemPath(folder, split))]),
  );
  const dropped = createLineFile(join(folder, 'dropped.jsonl'));
  const fileOf = (name: ProblemSplit | 'train' | 'heldout'): LineFile => {
    const file = lines.get(name);
    if (file === undefined) throw new RangeError(`a build that has no ${name} wrote to it`);
    return file;
  };
  const counts = new Map<string, number>([
    ['given', 0],
    ['kept', 0],
    ['dropped', 0],
  ]);
  const add = (name: string, count = 1) => counts.set(name, (counts.get(name) ?? 0) + count);
  const keep = (count: number, of?: ProblemSet) => {
    for (const name of ['given', 'kept', ...(several && of ? [`kept.${of.name}`] : [])]) add(name, count);
  };
  return {
    keep(split, line, of) {
      fileOf(split).write(lineText(line));
      keep(1, of);
    },
    drop(reason, { id, prompt, response }, of, said) {
      const set = several && of ? of.name : undefined;
      const whole = { id, prompt, reason, set, sample: response?.sample, ...said };
      dropped.write(`${JSON.stringify(whole)}\n`);
      for (const name of ['given', 'dropped', `dropped.${reason}`]) add(name);
      if (set !== undefined) add(`dropped.${reason}.${set}`);
    },
    pair(side, { id, prompt, chosen, rejected }) {
      fileOf(side).write(`${JSON.stringify({ id, prompt, chosen, rejected })}\n`);
    },
    count: (kept) => keep(kept),
    close() {
      for (const file of [...lines.values(), dropped]) file.close();
    },
    facts() {
      const unit = holds === 'pairs' ? 'Pairs' : 'Examples';
      const written = [...lines].map(([name, file]) => [`${name}${unit}`, file.count()] as const);
      return { ...Object.fromEntries(counts), ...Object.fromEntries(written) };
    },
  };
}
