import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BenchmarkPreparation } from '../../planner/plan.ts';
import type { ChoiceItem } from '../../schemas/choices.ts';
import { problemIdLength, promptDigest } from '../../schemas/problem.ts';
import { NodeError } from '../failures.ts';
import { clozeReaders } from './cloze.ts';
import { type BenchmarkProblem, readProblem } from './generative.ts';
import { type Row, RowError } from './row.ts';

/** A line of a prepared file, and what it is ordered by. */
type Line = { id: string } & (Omit<ChoiceItem, 'id'> | BenchmarkProblem);

/**
 * Prepares a benchmark's rows, in their order, in a folder: `choices.jsonl` with its items, or `problems-test.jsonl` with its
 * problems, which are for tests alone. Both are ordered by a hash of their content, so that the first of them are a sample.
 * Items that are there twice stay, as the published figures count them; problems are told apart by their prompts, and of
 * several with one prompt the first stays. Gives the counts. Throws a `bad-data` NodeError that names the row that is not of
 * the benchmark's form.
 */
export async function prepareBenchmark(
  { benchmark, prompts }: BenchmarkPreparation,
  rows: AsyncIterable<Row>,
  folder: string,
): Promise<Record<string, number>> {
  const cloze = clozeReaders[benchmark];
  const lines = new Map<string, Line>();
  let count = 0;
  for await (const row of rows) {
    count += 1;
    try {
      const line = cloze ? itemLine(cloze(row), lines) : problemLine(readProblem(benchmark, prompts, row));
      if (!lines.has(line.id)) lines.set(line.id, line);
    } catch (error) {
      if (!(error instanceof RowError)) throw error;
      throw new NodeError('bad-data', `row ${count} of its files is none of ${benchmark}: it ${error.message}`);
    }
  }
  if (count === 0) throw new NodeError('bad-data', 'its files have no rows');
  const sorted = [...lines.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  const name = cloze ? 'choices.jsonl' : 'problems-test.jsonl';
  await writeFile(join(folder, name), sorted.map((line) => `${JSON.stringify(line)}\n`).join(''));
  if (cloze) return { items: sorted.length };
  return { problems: sorted.length, testProblems: sorted.length, duplicateProblems: count - sorted.length };
}

/** An item under a name that no other has: that of its content, and of how often it came before. */
function itemLine(item: Omit<ChoiceItem, 'id'>, known: ReadonlyMap<string, Line>): Line {
  for (let before = 0; ; before++) {
    const content = JSON.stringify([item, before]);
    const id = createHash('sha256').update(content).digest('hex').slice(0, problemIdLength);
    if (!known.has(id)) return { id, ...item };
  }
}

function problemLine(problem: BenchmarkProblem): Line {
  return { id: promptDigest(problem.prompt).slice(0, problemIdLength), ...problem };
}
