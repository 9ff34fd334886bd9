/**
 * The responses of a round of reinforcement learning: several to each prompt, which are a group, graded.
 *
 * Under dynamic sampling (DAPO, Yu et al. 2025, arXiv 2503.14476, 3.2) groups whose rewards are all equal, from which
 * nothing is learned, are left out, and further prompts are sampled until there are as many groups as the round has prompts,
 * or it has sampled as often as it may. Which prompts those are follows from the seed and the round alone, so that a resumed
 * run samples the same.
 */
import type { RlRecipe } from '../schemas/types/job.ts';
import type { Problem } from './data/problem.ts';
import type { ChatTemplate } from './data/template.ts';
import type { Generator } from './generate.ts';
import { inGroups } from './portions.ts';
import { random } from './random.ts';
import { respond } from './respond.ts';
import type { Response } from './response.ts';
import type { Tokenizer } from './tokenizer/load.ts';

/** What of a recipe says how a round is sampled. */
export type RolloutRecipe = Pick<RlRecipe, 'responses' | 'maxResponse' | 'temperature'> & {
  /** How often a round samples at most, leaving out groups without a signal; undefined where it samples once and keeps all. */
  maxSamplings: number | undefined;
};

export interface Rollout {
  /** All that was sampled, group by group, in the order of sampling. */
  sampled: Response[][];
  /** The groups to learn from: all, or those with a signal. */
  learned: Response[][];
  samplings: number;
}

/**
 * Samples the round of that index (from 0).
 *
 * @param chosen the prompts of the round
 * @param usable all problems: further prompts are drawn from them
 */
export async function rollOut(
  { policy, tokenizer, template }: { policy: Generator; tokenizer: Tokenizer; template: ChatTemplate },
  { chosen, usable }: { chosen: readonly Problem[]; usable: readonly Problem[] },
  { responses, maxResponse, temperature, maxSamplings }: RolloutRecipe,
  { seed, index }: { seed: number; index: number },
): Promise<Rollout> {
  const further = furtherProblems(usable, seed, index);
  const rollout: Rollout = { sampled: [], learned: [], samplings: 0 };
  do {
    const sampling = rollout.samplings;
    const asked = sampling === 0 ? chosen : further(chosen.length);
    const found = await respond(
      policy,
      tokenizer,
      template,
      asked.flatMap((problem) => new Array<Problem>(responses).fill(problem)),
      {
        maxTokens: maxResponse,
        temperature,
        seed,
        purpose: sampling === 0 ? ['rl', 'rollout', index] : ['rl', 'rollout', index, sampling],
      },
    );
    const groups = inGroups(found, responses);
    rollout.sampled.push(...groups);
    rollout.learned.push(...(maxSamplings === undefined ? groups : groups.filter(hasSignal)));
    rollout.samplings += 1;
  } while (rollout.learned.length < chosen.length && rollout.samplings < (maxSamplings ?? 1));
  return { ...rollout, learned: rollout.learned.slice(0, chosen.length) };
}

/** Whether responses of a group differ in their verdicts, so that one is better than another. */
export function hasSignal(group: readonly Response[]): boolean {
  return group.some(({ correct }) => correct !== group[0]?.correct);
}

/** Gives the next so many problems of an order of the round's own, from its beginning again after its end. */
function furtherProblems(usable: readonly Problem[], seed: number, index: number): (count: number) => Problem[] {
  let order: Problem[] | undefined;
  let next = 0;
  return (count) => {
    order ??= random(seed, 'rl', 'further', index).shuffle(usable);
    const problems = order;
    const taken = Array.from({ length: count }, (_, i) => problems[(next + i) % problems.length] as Problem);
    next += count;
    return taken;
  };
}
