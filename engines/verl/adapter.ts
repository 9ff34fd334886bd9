/**
 * verl as a trainer: reinforcement learning on as many GPUs of one machine as it is shown. Prompts lie in a file in the order in which
 * the built-in trainer goes through them, all epochs one after the other; rewards are the verdicts of Descent's grader (grade.ts).
 */
import { existsSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '#setup/places.mjs';
import { engines } from '../../schemas/engines.ts';
import type { Job, RlJob, RlRecipe } from '../../schemas/types/job.ts';
import { readConfig } from '../../trainer/config.ts';
import type { Outcome, TrainerContext } from '../../trainer/context.ts';
import { loadTemplate, readTokenizerFile } from '../../trainer/data/chat-template.ts';
import type { Problem } from '../../trainer/data/problem.ts';
import { problems } from '../../trainer/data/sources.ts';
import type { ChatTemplate } from '../../trainer/data/template.ts';
import { TrainerFailure } from '../../trainer/failure.ts';
import { writeJson } from '../../trainer/folders.ts';
import { random } from '../../trainer/random.ts';
import { learningRate } from '../../trainer/schedule.ts';
import { loadTokenizer, requireVocabulary } from '../../trainer/tokenizer/load.ts';
import { drive } from '../driver.ts';
import { environmentOf } from '../environment.ts';
import { publishTrained } from '../publish.ts';
import { verlOptions } from './config.ts';

const engine = 'verl';

/** Rounds between checkpoints where a job leaves that to the trainer: a round of a large model takes minutes. */
const saveEvery = 10;

/** Runs a job with verl. Throws as the data's readers, `environmentOf` and `drive`; `bad-job` for what verl does not train. */
export async function run(job: Job, context: TrainerContext): Promise<Outcome> {
  if (job.type !== 'rl') throw new TrainerFailure('bad-job', `${job.address}: verl does not train ${job.type}.`);
  const environment = await environmentOf(engine);
  context.checkLease();
  const { run, facts, architecture, chatTemplate, weights } = await askVerl(job);
  const { title } = engines[engine];
  const driver = join(packageRoot, 'engines', engine, 'driver.py');
  const driven = await drive({ title, environment, driver, run }, context);
  if (driven.outcome === 'interrupted') return 'interrupted';
  const described = { architecture, head: 'language', tokenizer: job.inputs.parent, chatTemplate } as const;
  await publishTrained(job, driven, { ...described, weights, facts }, context);
  return 'done';
}

/** Makes a job ready: its prompts, its problems and verl's options in the attempt's `checkpoints/verl/`, and where the model will be. */
export async function askVerl(job: RlJob) {
  const { recipe, inputs, placement, seed, output } = job;
  const { parent } = inputs;
  const { architecture } = await readConfig(parent);
  const tokenizer = await loadTokenizer(parent);
  requireVocabulary(tokenizer, architecture, 'bad-data');
  await requirePadding(parent);
  const template = await loadTemplate(recipe.template, parent, tokenizer);
  const given = problems(recipe.data.source, 'rl', recipe.examples, inputs.data);
  const usable = usableOf(given, template, architecture.context - recipe.maxResponse, job);
  const batch = Math.min(recipe.batch, usable.length);
  if ((batch * recipe.responses) % recipe.miniBatch !== 0)
    throw new TrainerFailure(
      'bad-job',
      `${job.address}: a round has ${batch} prompts, since no more fit into the context, and verl cannot part its ` +
        `${batch * recipe.responses} responses into mini-batches of ${recipe.miniBatch}. Take a batch of at most ${batch}.`,
    );
  const roundsPerEpoch = Math.floor(usable.length / batch);
  const rounds = roundsPerEpoch * recipe.epochs;

  const checkpoints = join(output, 'checkpoints');
  const folder = join(checkpoints, engine);
  const [out, run, weights] = [join(folder, 'out'), join(folder, 'run.json'), join(folder, 'model.safetensors')];
  const [prompts, asked] = [join(folder, 'prompts.jsonl'), join(folder, 'problems.jsonl')];
  await mkdir(out, { recursive: true });
  await writeLines(asked, usable);
  const places = new Map(usable.map((problem, place) => [problem, place]));
  const order = Array.from({ length: recipe.epochs }, (_, epoch) =>
    random(seed, 'rl', 'order', epoch)
      .shuffle(usable)
      .slice(0, roundsPerEpoch * batch),
  ).flat();
  await writeLines(
    prompts,
    order.map((problem) => promptOf(problem, places.get(problem) as number)),
  );
  const pythonOf = (name: string) => join(packageRoot, 'engines', engine, `${name}.py`);
  const options = verlOptions(recipe, {
    ...{ parent, prompts, out, rounds, batch, seed, chatTemplate: template.jinja, context: architecture.context },
    ...{ reward: pythonOf('reward'), sampler: pythonOf('sampler') },
    grader: [process.execPath, fileURLToPath(new URL('./grade.js', import.meta.url)), asked],
    saveEvery: placement.checkpointEvery > 0 ? placement.checkpointEvery : saveEvery,
  });
  await writeJson(run, {
    ...{ options, out, weights, output, steps: rounds },
    ...{ responses: batch * recipe.responses, miniBatch: recipe.miniBatch, innerEpochs: recipe.innerEpochs },
    ...{ shaped: recipe.overlongBuffer > 0, means: recipe.lossAggregation === 'token-mean' },
    learningRates: ratesOf(recipe.lr, recipe, rounds),
    criticLearningRates: recipe.algorithm === 'ppo' ? ratesOf(recipe.criticLr, recipe, rounds) : null,
  });
  const facts = { problems: usable.length, overlongProblems: given.length - usable.length, rounds };
  return { run, options, facts, architecture, chatTemplate: template.jinja, weights };
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

function usableOf(given: readonly Problem[], template: ChatTemplate, longest: number, { recipe }: RlJob): Problem[] {
  const usable = given.filter((problem) => template.promptTokens(problem).length <= longest);
  if (usable.length > 0) return usable;
  throw new TrainerFailure(
    'bad-data',
    `None of the ${given.length} problems of ${recipe.data.name} fits: no prompt leaves room for a response of ` +
      `${recipe.maxResponse} tokens in the context. Take a smaller maxResponse or a larger context.`,
  );
}

/** The rate of each round. */
function ratesOf(lr: number, { warmup }: RlRecipe, rounds: number): number[] {
  const schedule = { lr, minLr: lr, warmup, schedule: 'constant' } as const;
  return Array.from({ length: rounds }, (_, round) => learningRate(round, rounds, schedule));
}

/** A line of verl's data: what is asked, and for the reward function which problem it is. */
function promptOf({ prompt }: Problem, place: number) {
  return {
    data_source: 'descent',
    prompt: [{ role: 'user', content: prompt }],
    reward_model: { style: 'rule', ground_truth: String(place) },
    extra_info: { index: place },
  };
}

/** Writes lines of JSON, whole or not at all; those of an earlier attempt are the same, and stay. */
async function writeLines(path: string, lines: readonly object[]): Promise<void> {
  if (existsSync(path)) return;
  await writeFile(`${path}.tmp`, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  await rename(`${path}.tmp`, path);
}
