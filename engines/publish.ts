import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { type Head, parametersIn } from '../schemas/llama.ts';
import type { Architecture, CptJob, DpoJob, PretrainJob, RewardJob, RlJob, SftJob } from '../schemas/types/job.ts';
import { ancestryOf } from '../trainer/ancestry.ts';
import type { TrainerContext } from '../trainer/context.ts';
import { writeFolder } from '../trainer/folders.ts';
import { describeModel } from '../trainer/model-folder.ts';
import type { Driven } from './driver.ts';

/** A job that an engine trains by. */
export type EngineJob = PretrainJob | CptJob | SftJob | DpoJob | RlJob | RewardJob;

/** A model that an engine trained. */
export interface Trained {
  architecture: Architecture;
  head: Head;
  /** Folder with its tokenizer's files. */
  tokenizer: string;
  /** How it was taught to be asked, in Jinja. */
  chatTemplate?: string | undefined;
  /** Its weights under Hugging Face's names, which are moved from there. */
  weights: string;
  facts: Record<string, number | string>;
}

/** Leaves a trained model in `output/model`, and says that the job is done. Throws as `checkLease`. */
export async function publishTrained(
  job: EngineJob,
  { step, tokens }: Driven,
  { weights, facts, ...described }: Trained,
  context: TrainerContext,
): Promise<void> {
  context.checkLease();
  const ancestry = (await ancestryOf(job))({ step, tokens });
  await writeFolder(
    join(job.output, 'model'),
    async (into) => {
      await describeModel(into, { ...described, ancestry });
      await rename(weights, join(into, 'model.safetensors'));
    },
    context.checkLease,
  );
  const parameters = parametersIn(described.architecture, described.head);
  context.emit({ event: 'done', step, tokens, model: 'model', facts: { parameters, ...facts } });
}
