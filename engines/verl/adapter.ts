/**
 * verl as a trainer: reinforcement learning on as many GPUs of one machine as it is shown. Rewards are the verdicts of Descent's
 * grader.
 */
import { join } from 'node:path';
import { packageRoot } from '#setup/places.mjs';
import { engines } from '../../schemas/engines.ts';
import type { Job, RlJob } from '../../schemas/types/job.ts';
import type { Outcome, TrainerContext } from '../../trainer/context.ts';
import { loadTemplate, readTokenizerFile } from '../../trainer/data/chat-template.ts';
import type { Problem } from '../../trainer/data/problem.ts';
import { TrainerFailure } from '../../trainer/failure.ts';
import { constantSchedule, learningRates } from '../../trainer/schedule.ts';
import { writePrompts } from '../prompts.ts';
import { type Asked, type Ground, trainWith } from '../training.ts';
import { verlOptions } from './config.ts';

/** Rounds between checkpoints where a job leaves that to the trainer: a round of a large model takes minutes. */
const saveEvery = 10;

/** Runs a job with verl. Throws as `trainWith`; `bad-job` for what verl does not train. */
export async function run(job: Job, context: TrainerContext): Promise<Outcome> {
  if (job.type !== 'rl') throw new TrainerFailure('bad-job', `${job.address}: verl does not train ${job.type}.`);
  return trainWith('verl', job, context, (ground) => askVerl(job, ground));
}

/** Makes a job ready: its prompts and its problems in files, and verl's options. Throws as `writePrompts`. */
export async function askVerl(job: RlJob, { architecture, tokenizer, folder, out }: Ground): Promise<Asked> {
  const { recipe, inputs, placement, seed, output } = job;
  const { parent } = inputs;
  await requirePadding(parent);
  const template = await loadTemplate(recipe.template, parent, tokenizer);
  const { title } = engines.verl;
  const asked = { template, context: architecture.context, title };
  const { path, grader, rounds, batch, miniBatch, facts } = await writePrompts(folder, job, asked, promptOf);
  const pythonOf = (name: string) => join(packageRoot, 'engines', 'verl', `${name}.py`);
  const options = verlOptions(recipe, {
    ...{ parent, prompts: path, grader, out, rounds, batch, miniBatch, seed },
    ...{ chatTemplate: template.jinja, context: architecture.context },
    ...{ reward: pythonOf('reward'), sampler: pythonOf('sampler') },
    saveEvery: placement.checkpointEvery > 0 ? placement.checkpointEvery : saveEvery,
  });
  const ratesOf = (lr: number) => learningRates(rounds, constantSchedule(lr, recipe.warmup));
  return {
    learningRates: ratesOf(recipe.lr), // verl has one a round
    says: {
      ...{ options, output },
      ...{ responses: batch * recipe.responses, miniBatch, innerEpochs: recipe.innerEpochs },
      ...{ shaped: recipe.overlongBuffer > 0, means: recipe.lossAggregation === 'token-mean' },
      criticLearningRates: recipe.algorithm === 'ppo' ? ratesOf(recipe.criticLr) : null,
    },
    chatTemplate: template.jinja,
    facts: () => facts,
  };
}

/** verl fills rows with the token that a tokenizer names for that, or for the end. */
async function requirePadding(parent: string): Promise<void> {
  const { pad_token: padding, eos_token: end } = await readTokenizerFile(parent);
  if (padding || end) return;
  throw new TrainerFailure(
    'bad-data',
    `tokenizer_config.json in ${parent} names neither an \`eos_token\` nor a \`pad_token\`, and verl fills rows with one: add it ` +
      'where the model is from, or take another engine.',
  );
}

/** A line of verl's data: what is asked, and for the reward function which problem it is. */
function promptOf({ prompt }: Problem, number: number) {
  return {
    data_source: 'descent',
    prompt: [{ role: 'user', content: prompt }],
    reward_model: { style: 'rule', ground_truth: String(number) },
    extra_info: { index: number },
  };
}
