import { exampleKey } from '../problem-line.ts';
import type { Output } from './output.ts';
import { learnedSplits, type ProblemSet, requireAnswered } from './set.ts';

/**
 * Rejection sampling: keeps the responses that are right and whole, each different one to a problem once. Dropped are
 * `unanswered`, `wrong` and `truncated` ones, in this order, and what is `repeated`.
 *
 * @throws TrainerFailure `bad-data` where a line is no response
 */
export function correct(set: ProblemSet, output: Output): void {
  const known = new Set<string>();
  for (const split of learnedSplits)
    for (const { line: read } of set.lines(split)) {
      const line = requireAnswered(read, set);
      const { answer, correct: isRight, truncated } = line.response;
      const key = exampleKey(line);
      if (answer === null) output.drop('unanswered', line);
      else if (!isRight) output.drop('wrong', line);
      else if (truncated) output.drop('truncated', line);
      else if (known.has(key)) output.drop('repeated', line);
      else {
        known.add(key);
        output.keep(split, line);
      }
    }
}
