/** LitGPT as a trainer: pretraining and continued pretraining. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '#setup/places.mjs';
import { type EngineRecipes, engines } from '../../schemas/engines.ts';
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
import { publishTrained } from '../publish.ts';
import { writeRows } from '../rows.ts';
import { litgptConfig, modelConfig } from './config.ts';

const driver = join(packageRoot, 'engines', 'litgpt', 'driver.py');

/** Runs a job of pretraining or CPT with LitGPT. What it needs on the way lies in the attempt's `checkpoints/`. */
export async function run(job: Job, context: TrainerContext): Promise<Outcome> {
  if (job.type !== 'pretrain' && job.type !== 'cpt')
    throw new TrainerFailure('bad-job', `${job.address}: LitGPT does not train ${job.type}.`);
  const recipe = job.recipe as EngineRecipes['cpt'];
  const { output, key, seed, inputs } = job;
  const parent = 'parent' in inputs ? inputs.parent : null;
  const tokenizerFolder = 'parent' in inputs ? inputs.parent : inputs.tokenizer;
  const architecture =
    'architecture' in job.recipe ? job.recipe.architecture : (await readConfig(tokenizerFolder)).architecture;
  const tokenizer = await loadTokenizer(tokenizerFolder);
  requireVocabulary(tokenizer, architecture, 'bad-job');

  const environment = await environmentOf('litgpt');
  const checkpoints = join(output, 'checkpoints');
  const folder = join(checkpoints, 'litgpt');
  const within = (name: string) => join(folder, name);
  context.checkLease();
  await mkdir(folder, { recursive: true });
  const text = { recipe, tokenizer, context: architecture.context, seed, data: inputs.data };
  const rows = await writeRows(folder, text);
  const [config, out, initial, weights, run] = [
    ...[within('litgpt.json'), within('out'), within('initial'), within('model.safetensors'), within('run.json')],
  ] as [string, string, string, string, string];
  await writeJson(config, litgptConfig(recipe, architecture, { rows, out, initial: parent && initial, seed }));
  const { steps, batchSequences } = recipe;
  await writeJson(run, {
    ...{ key, config, out, initial, parent, weights, checkpoints },
    model: modelConfig(architecture),
    learningRates: Array.from({ length: steps }, (_, index) => learningRate(index, steps, recipe)),
    iterationsAStep: batchSequences / atOnce(batchSequences),
    rowsAStep: batchSequences,
    checkpointEvery: job.placement.checkpointEvery,
    threads: job.placement.threads,
  });
  const { title } = engines.litgpt;
  const driven = await drive({ title, environment, driver, run, learned: rows.learned }, context);
  if (driven.outcome === 'interrupted') return 'interrupted';
  const { tokens: trainTokens, uniqueTokens, unigramEntropy, epochs } = rows.tally;
  const passes = Object.entries(epochs).map(([name, count]) => [`epochs.${name}`, count]);
  await publishTrained(
    job,
    driven,
    {
      ...{ architecture, head: 'language', tokenizer: tokenizerFolder, weights },
      facts: { trainTokens, uniqueTokens, unigramEntropy, ...Object.fromEntries(passes) },
    },
    context,
  );
  return 'done';
}
