/** What the adapters that train have in common: from a job to a published model. What an engine needs lies in the attempt's `checkpoints/`. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '#setup/places.mjs';
import { engines } from '../schemas/engines.ts';
import type { Head } from '../schemas/llama.ts';
import type { Architecture, DrivenEngine } from '../schemas/types/job.ts';
import { readConfig } from '../trainer/config.ts';
import type { Outcome, TrainerContext } from '../trainer/context.ts';
import { writeJson } from '../trainer/folders.ts';
import { loadTokenizer, requireVocabulary, type Tokenizer } from '../trainer/tokenizer/load.ts';
import { type Driven, drive } from './driver.ts';
import { environmentOf } from './environment.ts';
import { type EngineJob, publishTrained } from './publish.ts';

/** What an adapter begins with. */
export interface Ground {
  architecture: Architecture;
  tokenizer: Tokenizer;
  /** A folder of its own in the attempt, which stays until the node is published. */
  folder: string;
  /** Where the engine may write what it likes. */
  out: string;
}

/** What an adapter makes of a job. */
export interface Asked {
  /** Of each optimizer step. */
  learningRates: readonly number[];
  /** The file that says of each step what it learns from (`learned.ts`); none where the driver tells that. */
  learned?: string;
  /** What the driver is told besides what every driver is. */
  says: Record<string, unknown>;
  /** Of the model that comes of it. Default: a language model. */
  head?: Head;
  /** How that was taught to be asked, in Jinja. */
  chatTemplate?: string | undefined;
  facts(driven: Driven): Record<string, number | string>;
}

/**
 * Trains by a job with an engine's driver, as `ask` makes it ready, and leaves the model.
 *
 * @throws TrainerFailure as `environmentOf`, `drive`, the readers of the parent, and `ask`.
 */
export async function trainWith(
  engine: DrivenEngine,
  job: EngineJob,
  context: TrainerContext,
  ask: (ground: Ground) => Promise<Asked>,
): Promise<Outcome> {
  const { recipe, inputs, placement } = job;
  const parent = 'parent' in inputs ? inputs.parent : null;
  const tokenizerFolder = 'parent' in inputs ? inputs.parent : inputs.tokenizer;
  const isNew = 'architecture' in recipe;
  const architecture = isNew ? recipe.architecture : (await readConfig(tokenizerFolder)).architecture;
  const tokenizer = await loadTokenizer(tokenizerFolder);
  requireVocabulary(tokenizer, architecture, isNew ? 'bad-job' : 'bad-data');

  const environment = await environmentOf(engine);
  const checkpoints = join(job.output, 'checkpoints');
  const folder = join(checkpoints, engine);
  const [out, weights, run] = [join(folder, 'out'), join(folder, 'model.safetensors'), join(folder, 'run.json')];
  context.checkLease();
  await mkdir(out, { recursive: true });
  const asked = await ask({ architecture, tokenizer, folder, out });
  await writeJson(run, {
    ...{ stage: job.type, key: job.key, seed: job.seed, parent, checkpoints, out, weights },
    ...{ checkpointEvery: placement.checkpointEvery, threads: placement.threads },
    ...{ learningRates: asked.learningRates, ...asked.says },
  });
  const { title } = engines[engine];
  const driver = join(packageRoot, 'engines', engine, 'driver.py');
  const driven = await drive({ title, environment, driver, run, learned: asked.learned }, context);
  if (driven.outcome === 'interrupted') return 'interrupted';
  const { head = 'language', chatTemplate, facts } = asked;
  const described = { architecture, head, tokenizer: tokenizerFolder, chatTemplate };
  await publishTrained(job, driven, { ...described, weights, facts: facts(driven) }, context);
  return 'done';
}
