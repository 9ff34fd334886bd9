import { createHash } from 'node:crypto';
import type { BuildRecipe } from '../../../schemas/types/job.ts';
import { TrainerFailure } from '../../failure.ts';
import type { ProblemSplit } from '../problem.ts';
import { promptKey } from '../problem-line.ts';
import type { Output } from './output.ts';
import { learnedSplits, type ProblemSet } from './set.ts';

type SplitRecipe = Extract<BuildRecipe, { operation: 'split' }>;

/** A problem with the places of its lines. */
interface Pooled {
  key: string;
  lines: { split: ProblemSplit; place: number }[];
}

/**
 * Parts the problems of both splits anew: SFT has the first of them, RL the last, in the order of the files, SFT's before
 * RL's; or in one that the seed draws, which depends on no order of lines. A problem stays on one side with all its lines.
 * What is in neither is dropped, `between`. The test split stays as it is. Amounts are of problems; a share is rounded down.
 *
 * @throws TrainerFailure `bad-data` where more is asked for than there is, with the numbers
 */
export function split(
  set: ProblemSet,
  recipe: Omit<SplitRecipe, 'operation' | 'data'>,
  seed: number,
  output: Output,
): void {
  const pooled = pool(set);
  const problems = recipe.order === 'given' ? pooled : drawn(pooled, seed);
  const total = problems.length;
  const [sft, rl] = [amount(recipe.sft, total), amount(recipe.rl, total)];
  if (sft + rl > total) {
    throw new TrainerFailure(
      'bad-data',
      `${set.name} has ${total} problems, of which ${sft} are asked for SFT and ${rl} for RL: ${sft + rl} in all. ` +
        'No problem may be in both: ask for less, or give it more data.',
    );
  }
  for (const { line } of set.lines('test')) output.keep('test', line);
  for (const [index, { lines }] of problems.entries())
    for (const place of lines) {
      const line = set.at(place.split, place.place);
      if (index < sft) output.keep('sft', line);
      else if (index >= total - rl) output.keep('rl', line);
      else output.drop('between', line);
    }
}

function pool(set: ProblemSet): Pooled[] {
  const problems = new Map<string, Pooled>();
  for (const from of learnedSplits)
    for (const { line, place } of set.lines(from)) {
      const key = promptKey(line.prompt);
      const problem = problems.get(key) ?? { key, lines: [] };
      problem.lines.push({ split: from, place });
      problems.set(key, problem);
    }
  return [...problems.values()];
}

/** In the order of a hash of the seed and the prompt. */
function drawn(problems: readonly Pooled[], seed: number): Pooled[] {
  const ranked = problems.map((problem) => ({ problem, rank: rankOf(seed, problem.key) }));
  ranked.sort((a, b) => (a.rank < b.rank ? -1 : 1));
  return ranked.map(({ problem }) => problem);
}

function rankOf(seed: number, key: string): string {
  return createHash('sha256')
    .update(JSON.stringify([seed, 'split', key]))
    .digest('hex');
}

function amount(extent: SplitRecipe['sft'], total: number): number {
  // A share such as 0.29 is no exact number: of a hundred it is still 29.
  return 'problems' in extent ? extent.problems : Math.floor(extent.share * total + 1e-9);
}
