import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { toConfig, toGenerationConfig } from '../../trainer/config.ts';
import { writeJson } from '../../trainer/folders.ts';
import { initialise } from '../../trainer/init.ts';
import { writeSafetensors } from '../../trainer/safetensors.ts';
import type { Writing } from './tasks.ts';

/** Writes an initial model as a Hugging Face shaped folder, for every engine to load. */
export async function writeModel({ model: folder, architecture, eos }: Writing): Promise<void> {
  const tensors = Object.fromEntries(
    Object.entries(initialise(architecture, 1)).map(([name, parameter]) => [
      name,
      { shape: parameter.shape, values: parameter.dataSync() as Float32Array },
    ]),
  );
  // A score of zero is not the best of hundreds: the model writes no end, and texts are as long as was asked.
  const { hidden } = architecture;
  tensors['lm_head.weight']?.values.fill(0, eos * hidden, (eos + 1) * hidden);
  await mkdir(folder, { recursive: true });
  await writeJson(join(folder, 'config.json'), toConfig(architecture, { eos }));
  await writeJson(join(folder, 'generation_config.json'), toGenerationConfig({ eos }));
  await writeSafetensors(join(folder, 'model.safetensors'), tensors);
}
