/** Models that tests of the trainer start from. */
import { join } from 'node:path';
import type { Architecture } from '../../schemas/types/job.ts';
import { writeModel } from '../../trainer/checkpoint.ts';
import { initialise } from '../../trainer/init.ts';
import { writeByteTokenizer } from './support.ts';

/** Writes a new model with the tokenizer of bytes to `<root>/<name>/model`, and gives that folder. */
export async function writeNewModel(root: string, name: string, architecture: Architecture): Promise<string> {
  const tokenizer = writeByteTokenizer(join(root, 'bytes'));
  await writeModel(join(root, name), { architecture, parameters: initialise(architecture, 1), tokenizer }, () => {});
  return join(root, name, 'model');
}
