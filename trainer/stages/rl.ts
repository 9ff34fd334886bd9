/**
 * Reinforcement learning on a verifiable reward, 1 for a right answer and 0 for any other, by any of the algorithms.
 *
 * One step of the training loop is one round: sample responses to each prompt of a batch, grade them, learn from them.
 *
 * - Problems are shuffled anew each epoch. An epoch is as many whole rounds as its problems fill; what is left of that
 *   order is left out (verl's `drop_last`), so each epoch leaves out others. A round is never larger than an epoch.
 * - Problems whose prompt leaves less room in the context than the longest response are left out, and counted.
 * - A response that was cut is graded as it stands. What its length takes from its reward (`overlongBuffer`) is learned
 *   from, and is not in what is reported.
 */
import type { RlJob, RlRecipe } from '../../schemas/types/job.ts';
import { algorithmOf } from '../algorithms/choose.ts';
import { overlongReward } from '../algorithms/rewards.ts';
import { firstCollapse, type RoundFigures } from '../collapse.ts';
import type { Outcome, TrainerContext } from '../context.ts';
import { loadTemplate } from '../data/chat-template.ts';
import { problems } from '../data/sources.ts';
import { trainedOnProblems } from '../data/trained-on.ts';
import { TrainerFailure } from '../failure.ts';
import { createGenerator } from '../generate.ts';
import { createLearner } from '../learner.ts';
import { train } from '../loop.ts';
import { loadParent } from '../parent.ts';
import { random } from '../random.ts';
import { type Response, sampleEvent } from '../response.ts';
import { hasSignal, rollOut } from '../rollout.ts';

/** Responses of each round that are written out for people: one to each of its first prompts, whose order is random. */
const samplesShown = 4;

/** Runs an RL job: the parent's policy, trained. A critic lives in checkpoints only. */
export async function run(job: RlJob, context: TrainerContext): Promise<Outcome> {
  const { recipe, inputs, seed } = job;
  if (recipe.temperature <= 0) {
    throw new TrainerFailure(
      'bad-job',
      `temperature is ${recipe.temperature}: RL learns from sampled responses, so it must be above 0 (1 is usual).`,
    );
  }
  const { architecture, parameters, tokenizer } = await loadParent(inputs.parent);
  const template = await loadTemplate(recipe.template, inputs.parent, tokenizer);
  const given = problems(recipe.data.source, 'rl', recipe.examples, inputs.data);
  const longest = architecture.context - recipe.maxResponse;
  const usable = given.filter((problem) => template.promptTokens(problem).length <= longest);
  if (usable.length === 0) {
    throw new TrainerFailure(
      'bad-data',
      `None of the ${given.length} problems of ${recipe.data.name} fits: a prompt and a response of ${recipe.maxResponse} ` +
        `tokens need more than the context of ${architecture.context}. Take a smaller maxResponse or a larger context.`,
    );
  }
  const batch = Math.min(recipe.batch, usable.length);
  const roundsPerEpoch = Math.floor(usable.length / batch);
  const rounds = roundsPerEpoch * recipe.epochs;
  const updates = rounds * recipe.innerEpochs * Math.ceil((batch * recipe.responses) / recipe.miniBatch);

  const learner = createLearner(architecture, parameters, algorithmOf(recipe), recipe, updates);
  const policy = createGenerator(architecture, parameters, tokenizer.ends);
  const maxSamplings = 'dynamicSampling' in recipe && recipe.dynamicSampling ? recipe.maxSamplings : undefined;
  const done: RoundFigures[] = [];

  async function round(index: number) {
    const epoch = Math.floor(index / roundsPerEpoch);
    const start = (index % roundsPerEpoch) * batch;
    const chosen = random(seed, 'rl', 'order', epoch)
      .shuffle(usable)
      .slice(start, start + batch);
    const rollout = await rollOut(
      { policy, tokenizer, template },
      { chosen, usable },
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
    steps: rounds,
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
        overlongProblems: given.length - usable.length,
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
