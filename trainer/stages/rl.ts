/**
 * Reinforcement learning on a verifiable reward, 1 for a right answer and 0 for any other, by any of the algorithms.
 *
 * One step of the training loop is one round: sample responses to each prompt of a batch, grade them, learn from them.
 *
 * A response that was cut is graded as it stands. What its length takes from its reward (`overlongBuffer`) is learned from, and is
 * not in what is reported.
 */
import type { RlJob, RlRecipe } from '../../schemas/types/job.ts';
import { algorithmOf } from '../algorithms/choose.ts';
import { overlongReward } from '../algorithms/rewards.ts';
import { firstCollapse, type RoundFigures } from '../collapse.ts';
import type { Outcome, TrainerContext } from '../context.ts';
import { loadTemplate } from '../data/chat-template.ts';
import { trainedOnProblems } from '../data/trained-on.ts';
import { createGenerator } from '../generate.ts';
import { createLearner } from '../learner.ts';
import { train } from '../loop.ts';
import { loadParent } from '../parent.ts';
import { type Response, sampleEvent } from '../response.ts';
import { hasSignal, rollOut } from '../rollout.ts';
import { roundsOf } from '../rounds.ts';

/** Responses of each round that are written out for people: one to each of its first prompts, whose order is random. */
const samplesShown = 4;

/** Runs an RL job: the parent's policy, trained. A critic lives in checkpoints only. */
export async function run(job: RlJob, context: TrainerContext): Promise<Outcome> {
  const { recipe, inputs, seed } = job;
  const { architecture, parameters, tokenizer } = await loadParent(inputs.parent);
  const template = await loadTemplate(recipe.template, inputs.parent, tokenizer);
  const rounds = roundsOf(job, template, architecture.context);
  const { usable, overlong, batch } = rounds;
  const updates = rounds.count * recipe.innerEpochs * Math.ceil((batch * recipe.responses) / recipe.miniBatch);

  const learner = createLearner(architecture, parameters, algorithmOf(recipe), recipe, updates);
  const policy = createGenerator(architecture, parameters, tokenizer.ends);
  const maxSamplings = 'dynamicSampling' in recipe && recipe.dynamicSampling ? recipe.maxSamplings : undefined;
  const done: RoundFigures[] = [];

  async function round(index: number) {
    const rollout = await rollOut(
      { policy, tokenizer, template },
      { chosen: rounds.problemsOf(index), usable },
      { ...recipe, maxSamplings },
      { seed, index },
    );
    const { sampled, samplings } = rollout;
    for (const group of sampled.slice(0, samplesShown)) {
      const [response] = group as [Response];
      context.emit({ ...sampleEvent('rollout', index + 1, 1, response), reward: rewardOf(response) });
    }
    const learned = rollout.learned.flat();
    const episodes = learned.map((response) => ({
      prompt: response.prompt,
      response: response.tokens,
      logProbs: response.logProbs,
      reward: rewardOf(response) + overlongReward(response.tokens.length, recipe),
    }));
    const { responseLength, ...figures } = figuresOf(sampled, recipe);
    done.push(figures);
    return {
      tokens: total(learned, ({ tokens }) => tokens.length) * recipe.innerEpochs,
      values: {
        ...figures,
        responseLength,
        ...(maxSamplings !== undefined && { samplings, groupsLearned: rollout.learned.length }),
        collapsed: firstCollapse(done) ? 1 : 0,
        // Where no group of dynamic sampling has a signal, there is nothing to learn.
        ...(episodes.length > 0 && learner.learn(episodes, seed, ['rl', index])),
      },
      data: trainedOnProblems(
        recipe.data.name,
        rollout.learned.map((group) => ({
          id: (group as [Response])[0].problem.id,
          tokens: group.flatMap(({ prompt, tokens }) => [...prompt, ...tokens]),
        })),
      ),
    };
  }

  return train(job, context, {
    steps: rounds.count,
    architecture,
    tokenizer: inputs.parent,
    trainables: { model: learner.policy, ...(learner.critic && { critic: learner.critic }) },
    rounds: done,
    ends: () => recipe.stopOnCollapse && firstCollapse(done) !== undefined,
    step: round,
    facts: () => {
      const collapse = firstCollapse(done);
      return {
        problems: usable.length,
        overlongProblems: overlong,
        rounds: done.length,
        updates: learner.policy.updates,
        ...(collapse && { collapsedAt: collapse.at, collapse: collapse.kind }),
      };
    },
  });
}

/**
 * What is told of the responses of a round, whatever the algorithm: the mean reward of the verifier, the share that was cut,
 * the mean length in tokens, and the share of groups without a signal. Of an algorithm without groups the round is one.
 */
function figuresOf(sampled: readonly Response[][], recipe: RlRecipe): RoundFigures & { responseLength: number } {
  const all = sampled.flat();
  const groups = 'dynamicSampling' in recipe ? sampled : [all];
  return {
    reward: total(all, rewardOf) / all.length,
    truncationRate: total(all, ({ ended }) => (ended ? 0 : 1)) / all.length,
    groupsWithoutSignal: total(groups, (group) => (hasSignal(group) ? 0 : 1)) / groups.length,
    responseLength: total(all, ({ tokens }) => tokens.length) / all.length,
  };
}

function rewardOf(response: Response): number {
  return response.correct ? 1 : 0;
}

function total<T>(items: readonly T[], figure: (item: T) => number): number {
  return items.reduce((sum, item) => sum + figure(item), 0);
}
