import { createHash } from 'node:crypto';
import { isHeldOutProblem } from '../../../schemas/problem.ts';
import type { ProblemSplit } from '../problem.ts';
import { exampleKey, type ProblemLine, promptKey } from '../problem-line.ts';
import type { Output, Reason } from './output.ts';
import { learnedSplits, type ProblemSet, requireAnswered } from './set.ts';

/** A response that may be in a pair; the least rank is taken first. */
interface Candidate {
  split: ProblemSplit;
  place: number;
  rank: string;
}

/** What may be paired of a problem. */
interface Answers {
  first: Pick<Candidate, 'split' | 'place'>;
  right: Candidate[];
  wrong: Candidate[];
}

/**
 * Preferences: pairs of a right and a wrong response to one problem, at most `perProblem` of each problem. A response is in
 * no more than one, equal ones count as one, and truncated ones are in none. Which are paired is drawn by the seed and the
 * texts, and depends on no order. The pairs of every 20th problem, by its digest, are held out.
 *
 * Counted are problems. Dropped are those without a whole response (`truncated`), without a right one (`noRight`) or without a
 * wrong one (`noWrong`). `unpaired` is how many different whole responses of the others are in no pair.
 *
 * @throws TrainerFailure `bad-data` where a line is no response
 */
export function pairs(set: ProblemSet, perProblem: number, seed: number, output: Output): { unpaired: number } {
  let unpaired = 0;
  for (const { first, right, wrong } of answersOf(set, seed).values()) {
    const count = Math.min(perProblem, right.length, wrong.length);
    const read = ({ split, place }: Pick<Candidate, 'split' | 'place'>) => set.at(split, place);
    if (count === 0) {
      const { response: _, ...line } = read(first);
      output.drop(reasonOf(right.length, wrong.length), line);
      continue;
    }
    output.count(1);
    unpaired += right.length + wrong.length - 2 * count;
    for (let at = 0; at < count; at++) {
      const [chosen, rejected] = [read(right[at] as Candidate), read(wrong[at] as Candidate)];
      const { id, prompt } = chosen;
      const side = isHeldOutProblem(prompt) ? 'heldout' : 'train';
      output.pair(side, { id, prompt, chosen: chosen.solution, rejected: rejected.solution });
    }
  }
  return { unpaired };
}

function answersOf(set: ProblemSet, seed: number): Map<string, Answers> {
  const problems = new Map<string, Answers>();
  const known = new Set<string>();
  for (const split of learnedSplits)
    for (const { line: read, place } of set.lines(split)) {
      const line = requireAnswered(read, set);
      const key = promptKey(line.prompt);
      const answers = problems.get(key) ?? { first: { split, place }, right: [], wrong: [] };
      problems.set(key, answers);
      const example = exampleKey(line);
      if (line.response.truncated || known.has(example)) continue;
      known.add(example);
      answers[line.response.correct ? 'right' : 'wrong'].push({ split, place, rank: rankOf(seed, line) });
    }
  for (const { right, wrong } of problems.values())
    for (const some of [right, wrong]) some.sort((a, b) => (a.rank < b.rank ? -1 : 1));
  return problems;
}

function rankOf(seed: number, line: ProblemLine): string {
  const hash = createHash('sha256').update(JSON.stringify([seed, 'pairs', exampleKey(line)]));
  return hash.digest().subarray(0, 16).toString('latin1');
}

function reasonOf(right: number, wrong: number): Reason {
  if (right + wrong === 0) return 'truncated';
  return right === 0 ? 'noRight' : 'noWrong';
}
