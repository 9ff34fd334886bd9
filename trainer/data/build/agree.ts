import type { ProblemSplit } from '../problem.ts';
import { promptKey } from '../problem-line.ts';
import type { Output, Reason } from './output.ts';
import { learnedSplits, type ProblemSet, requireAnswered } from './set.ts';

/** A problem that some of the models were asked. */
interface Asked {
  /** Where it was met first. */
  set: ProblemSet;
  split: ProblemSplit;
  place: number;
  /** How many models were asked. */
  models: number;
  /** The answers of those that have one. */
  answers: string[];
  /** The response that is kept. */
  chosen?: { set: ProblemSet; split: ProblemSplit; place: number };
}

/**
 * Consistency filter: keeps the problems to which `least` models or more give one answer, each with the first response in the
 * first set that gives it and is whole. A set is a model; its answer is that of most of its responses, none where several
 * answers have as many. Answers are equal as in Maj@k: in the form that the grader gave them, in which all right ones are
 * the same. The problem's own `answer` stays; `differs` is how many agreed answers are not it.
 *
 * Counted are problems. Dropped are those that fewer than `least` models were asked (`unasked`), or answer with one answer
 * (`undecided`); those on which fewer agree, or as many on another answer (`disagree`); and those whose agreed answer no
 * whole response gives (`truncated`). Problems are kept in the order of the first set that has them, whatever split it has
 * them in.
 *
 * @throws TrainerFailure `bad-data` where a line is no response
 */
export function agree(sets: readonly ProblemSet[], least: number, output: Output): { differs: number } {
  const asked = new Map<string, Asked>();
  for (const set of sets) addAnswers(asked, set);
  const agreed = new Map<string, string>();
  for (const [key, { answers }] of asked) {
    const answer = commonest(answers, least);
    if (answer !== undefined) agreed.set(key, answer);
  }
  for (const set of sets) choose(asked, agreed, set);
  let differs = 0;
  for (const split of learnedSplits)
    for (const [key, problem] of asked) {
      if (problem.split !== split) continue;
      const { chosen } = problem;
      if (chosen === undefined) {
        const first = problem.set.at(problem.split, problem.place);
        const { response: _, ...line } = first;
        output.drop(reasonOf(problem, agreed.has(key), least), line, undefined, { answers: problem.answers });
      } else {
        const line = chosen.set.at(chosen.split, chosen.place);
        if (line.response?.correct === false) differs += 1;
        output.keep(split, line, chosen.set);
      }
    }
  return { differs };
}

function addAnswers(asked: Map<string, Asked>, set: ProblemSet): void {
  const votes = new Map<string, string[]>();
  for (const split of learnedSplits)
    for (const { line, place } of set.lines(split)) {
      const { answer } = requireAnswered(line, set).response;
      const key = promptKey(line.prompt);
      if (!asked.has(key)) asked.set(key, { set, split, place, models: 0, answers: [] });
      const given = votes.get(key) ?? [];
      if (answer !== null) given.push(answer);
      votes.set(key, given);
    }
  for (const [key, given] of votes) {
    const problem = asked.get(key) as Asked;
    problem.models += 1;
    const answer = commonest(given, 1);
    if (answer !== undefined) problem.answers.push(answer);
  }
}

function choose(asked: Map<string, Asked>, agreed: ReadonlyMap<string, string>, set: ProblemSet): void {
  for (const split of learnedSplits)
    for (const { line, place } of set.lines(split)) {
      const { answer, truncated } = requireAnswered(line, set).response;
      const key = promptKey(line.prompt);
      const problem = asked.get(key) as Asked;
      if (!truncated && answer !== null && answer === agreed.get(key)) problem.chosen ??= { set, split, place };
    }
}

function reasonOf({ models, answers }: Asked, isAgreed: boolean, least: number): Reason {
  if (isAgreed) return 'truncated';
  if (models < least) return 'unasked';
  return answers.length < least ? 'undecided' : 'disagree';
}

/** The answer that is given most often, and so often; undefined where there is none, or several are. */
function commonest(answers: readonly string[], least: number): string | undefined {
  const counts = new Map<string, number>();
  for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  const most = Math.max(least, ...counts.values());
  const found = [...counts].filter(([, count]) => count === most);
  return found.length === 1 ? found[0]?.[0] : undefined;
}
