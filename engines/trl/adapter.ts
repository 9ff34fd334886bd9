/** TRL as a trainer: supervised fine-tuning. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '#setup/places.mjs';
import { engines } from '../../schemas/engines.ts';
import type { Job } from '../../schemas/types/job.ts';
import { readConfig } from '../../trainer/config.ts';
import type { Outcome, TrainerContext } from '../../trainer/context.ts';
import { TrainerFailure } from '../../trainer/failure.ts';
import { writeJson } from '../../trainer/folders.ts';
import { learningRate } from '../../trainer/schedule.ts';
import { loadTokenizer, requireVocabulary } from '../../trainer/tokenizer/load.ts';
import { atOnce } from '../at-once.ts';
import { drive } from '../driver.ts';
import { environmentOf } from '../environment.ts';
import { writeExamples } from '../examples.ts';
import { publishTrained } from '../publish.ts';

const driver = join(packageRoot, 'engines', 'trl', 'driver.py');

/** Runs a job of SFT with TRL. What it needs on the way lies in the attempt's `checkpoints/`. */
export async function run(job: Job, context: TrainerContext): Promise<Outcome> {
  if (job.type !== 'sft') throw new TrainerFailure('bad-job', `${job.address}: TRL does not train ${job.type}.`);
  const { recipe, output, key, seed, inputs } = job;
  const { parent } = inputs;
  const { architecture } = await readConfig(parent);
  const tokenizer = await loadTokenizer(parent);
  requireVocabulary(tokenizer, architecture, 'bad-data');

  const environment = await environmentOf('trl');
  const checkpoints = join(output, 'checkpoints');
  const folder = join(checkpoints, 'trl');
  context.checkLease();
  await mkdir(folder, { recursive: true });
  const examples = await writeExamples(folder, job, tokenizer, architecture.context);
  const { steps, orders, learned, chatTemplate, facts } = examples;
  const [weights, run] = [join(folder, 'model.safetensors'), join(folder, 'run.json')];
  const {
    lr,
    weightDecay,
    weightDecayOn = 'all',
    betas,
    clip,
    precision = 'float32',
    neftune = 0,
    batch,
    epochs,
  } = recipe;
  await writeJson(run, {
    ...{ stage: job.type, key, parent, checkpoints, weights, out: join(folder, 'out'), seed },
    ...{ examples: examples.path, orders, eos: tokenizer.eos, batch, microBatch: atOnce(batch), epochs },
    ...{ lr, weightDecay, weightDecayOn, betas, clip, precision, neftune },
    learningRates: Array.from({ length: steps }, (_, index) => learningRate(index, steps, recipe)),
    checkpointEvery: job.placement.checkpointEvery,
    threads: job.placement.threads,
  });
  const driven = await drive({ title: engines.trl.title, environment, driver, run, learned }, context);
  if (driven.outcome === 'interrupted') return 'interrupted';
  const trained = { architecture, head: 'language', tokenizer: parent, chatTemplate, weights, facts } as const;
  await publishTrained(job, driven, trained, context);
  return 'done';
}
