/** LitGPT as a trainer: pretraining and continued pretraining. */
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '#setup/places.mjs';
import { type EngineRecipes, engines } from '../../schemas/engines.ts';
import { parameterShapes } from '../../schemas/llama.ts';
import type { Job } from '../../schemas/types/job.ts';
import { ancestryOf } from '../../trainer/ancestry.ts';
import { readConfig } from '../../trainer/config.ts';
import type { Outcome, TrainerContext } from '../../trainer/context.ts';
import { TrainerFailure } from '../../trainer/failure.ts';
import { writeFolder, writeJson } from '../../trainer/folders.ts';
import { describeModel } from '../../trainer/model-folder.ts';
import { learningRate } from '../../trainer/schedule.ts';
import { loadTokenizer, requireVocabulary } from '../../trainer/tokenizer/load.ts';
import { drive } from '../driver.ts';
import { environmentOf } from '../environment.ts';
import { writeRows } from '../rows.ts';
import { litgptConfig, modelConfig, sequencesAtOnce } from './config.ts';

const driver = join(packageRoot, 'engines', 'litgpt', 'driver.py');

/** Runs a job of pretraining or CPT with LitGPT. What it needs on the way lies in the attempt's `checkpoints/`. */
export async function run(job: Job, context: TrainerContext): Promise<Outcome> {
  if (job.type !== 'pretrain' && job.type !== 'cpt')
    throw new TrainerFailure('bad-job', `${job.address}: LitGPT does not train ${job.type}.`);
  const recipe = job.recipe as EngineRecipes['cpt'];
  const { output, key, seed } = job;
  const parent = job.type === 'cpt' ? job.inputs.parent : null;
  const tokenizerFolder = job.type === 'cpt' ? job.inputs.parent : job.inputs.tokenizer;
  const architecture =
    job.type === 'cpt' ? (await readConfig(job.inputs.parent)).architecture : job.recipe.architecture;
  const tokenizer = await loadTokenizer(tokenizerFolder);
  requireVocabulary(tokenizer, architecture, 'bad-job');

  const environment = await environmentOf('litgpt');
  const checkpoints = join(output, 'checkpoints');
  const folder = join(checkpoints, 'litgpt');
  await mkdir(folder, { recursive: true });
  context.checkLease();
  const text = { recipe, tokenizer, context: architecture.context, seed, data: job.inputs.data };
  const rows = await writeRows(folder, text);
  const [config, out, initial, weights, run] = ['litgpt.json', 'out', 'initial', 'model.safetensors', 'run.json'].map(
    (name) => join(folder, name),
  ) as [string, string, string, string, string];
  await writeJson(config, litgptConfig(recipe, architecture, { rows, out, initial: parent && initial, seed }));
  const { steps, batchSequences } = recipe;
  await writeJson(run, {
    ...{ key, config, out, initial, parent, weights, checkpoints },
    model: modelConfig(architecture),
    learningRates: Array.from({ length: steps }, (_, index) => learningRate(index, steps, recipe)),
    iterationsAStep: batchSequences / sequencesAtOnce(batchSequences),
    rowsAStep: batchSequences,
    checkpointEvery: job.placement.checkpointEvery,
    threads: job.placement.threads,
  });
  const ancestry = await ancestryOf(job);
  const { outcome, step, tokens } = await drive(
    { title: engines.litgpt.title, environment, driver, run, trainedOn: rows.trainedOn },
    context,
  );
  if (outcome === 'interrupted') return outcome;

  context.checkLease();
  await writeFolder(
    join(output, 'model'),
    async (into) => {
      const described = { architecture, head: 'language', tokenizer: tokenizerFolder } as const;
      await describeModel(into, { ...described, ancestry: ancestry({ step, tokens }) });
      await rename(weights, join(into, 'model.safetensors'));
    },
    context.checkLease,
  );
  const { tokens: trainTokens, uniqueTokens, unigramEntropy, epochs } = rows.tally;
  const facts = {
    parameters: Object.values(parameterShapes(architecture)).reduce((sum, shape) => sum + product(shape), 0),
    ...{ trainTokens, uniqueTokens, unigramEntropy },
    ...Object.fromEntries(Object.entries(epochs).map(([name, passes]) => [`epochs.${name}`, passes])),
  };
  context.emit({ event: 'done', step, tokens, model: 'model', facts });
  return 'done';
}

function product(shape: readonly number[]): number {
  return shape.reduce((sum, length) => sum * length, 1);
}
