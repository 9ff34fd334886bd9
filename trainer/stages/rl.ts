/**
 * Reinforcement learning: PPO with a critic on a verifiable reward, 1 for a right answer and 0 for any other.
 *
 * One step of the training loop is one round: sample a response to each prompt of a batch, grade it, learn from it.
 *
 * - Problems are shuffled anew each epoch. An epoch is as many whole rounds as its problems fill; what is left of that
 *   order is left out (verl's `drop_last`), so each epoch leaves out others. A round is never larger than an epoch.
 * - Problems whose prompt leaves less room in the context than the longest response are left out, and counted.
 * - A response that was cut is graded as it stands.
 */
import type { RlJob, RlRecipe } from '../../schemas/types/job.ts';
import type { Algorithm } from '../algorithm.ts';
import type { Outcome, TrainerContext } from '../context.ts';
import { loadTemplate } from '../data/chat-template.ts';
import { problems } from '../data/sources.ts';
import { trainedOnProblems } from '../data/trained-on.ts';
import { TrainerFailure } from '../failure.ts';
import { createGenerator } from '../generate.ts';
import { createLearner } from '../learner.ts';
import { train } from '../loop.ts';
import { loadParent } from '../parent.ts';
import { ppo } from '../ppo.ts';
import { random } from '../random.ts';
import { type Response, respond, sampleEvent } from '../respond.ts';

/** Responses of each round that are written out for people: those to its first prompts, whose order is random. */
const samplesShown = 4;

/** The algorithms, by the name that a recipe has for them. */
const algorithms: Record<RlRecipe['algorithm'], (recipe: RlRecipe) => Algorithm> = { ppo };

/** Runs an RL job: the parent's policy, trained. The critic lives in checkpoints only. */
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
  const updates = rounds * recipe.innerEpochs * Math.ceil(batch / recipe.miniBatch);

  const algorithm = algorithms[recipe.algorithm](recipe);
  const learner = createLearner(architecture, parameters, algorithm, recipe, updates);
  const policy = createGenerator(architecture, parameters, tokenizer.ends);

  async function round(index: number) {
    const epoch = Math.floor(index / roundsPerEpoch);
    const start = (index % roundsPerEpoch) * batch;
    const chosen = random(seed, 'rl', 'order', epoch)
      .shuffle(usable)
      .slice(start, start + batch);
    const responses = await respond(policy, tokenizer, template, chosen, {
      maxTokens: recipe.maxResponse,
      temperature: recipe.temperature,
      seed,
      purpose: ['rl', 'rollout', index],
    });
    for (const response of responses.slice(0, samplesShown)) {
      context.emit({ ...sampleEvent('rollout', index + 1, 1, response), reward: rewardOf(response) });
    }
    const episodes = responses.map((response) => ({
      prompt: response.prompt,
      response: response.tokens,
      logProbs: response.logProbs,
      reward: rewardOf(response),
    }));
    const learned = learner.learn(episodes, seed, ['rl', index]);
    return {
      tokens: total(responses, ({ tokens }) => tokens.length) * recipe.innerEpochs,
      values: {
        reward: total(responses, rewardOf) / batch,
        responseLength: total(responses, ({ tokens }) => tokens.length) / batch,
        truncationRate: total(responses, ({ ended }) => (ended ? 0 : 1)) / batch,
        ...learned,
      },
      data: trainedOnProblems(
        recipe.data.name,
        responses.map(({ problem, prompt, tokens }) => ({ id: problem.id, tokens: [...prompt, ...tokens] })),
      ),
    };
  }

  return train(job, context, {
    steps: rounds,
    architecture,
    tokenizer: inputs.parent,
    trainables: { model: learner.policy, ...(learner.critic && { critic: learner.critic }) },
    step: round,
    facts: () => ({ problems: usable.length, overlongProblems: given.length - usable.length, rounds, updates }),
  });
}

function rewardOf(response: Response): number {
  return response.correct ? 1 : 0;
}

function total<T>(items: readonly T[], figure: (item: T) => number): number {
  return items.reduce((sum, item) => sum + figure(item), 0);
}
