import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Architecture } from '../../schemas/types/job.ts';
import { toConfig } from '../../trainer/config.ts';
import { writeDevices } from '../cli/support.ts';
import { bytesShape, checkpoint } from '../fixtures/checkpoint.ts';
import { testHub } from '../fixtures/hub.ts';

/** LLaMA 2 7B, as its config.json on the Hub has it. */
const llama2: Architecture = {
  ...{ layers: 32, hidden: 4096, heads: 32, kvHeads: 32, ffn: 11008, vocab: 32000, context: 4096 },
  ...{ ropeTheta: 10_000, normEpsilon: 1e-5 },
};

/**
 * Puts into a folder what a page takes its reader to have: two cores, and of the page on checkpoints a model in a folder and
 * the config.json of one on the Hub. Gives the environment for commands there.
 */
export async function surround(t: TestContext, page: string, folder: string): Promise<NodeJS.ProcessEnv> {
  await writeDevices(folder);
  if (page !== 'how-to/your-checkpoint.md') return {};
  await mkdir(join(folder, 'my-model'));
  for (const [name, content] of Object.entries(checkpoint(bytesShape, { dtype: 'BF16' })))
    await writeFile(join(folder, 'my-model', name), content);
  const hub = await testHub(t, {
    hub: 'meta-llama/Llama-2-7b-hf',
    revision: '01c7f73d771dfac7d292323805ebc428287df4f9',
    files: { 'config.json': Buffer.from(JSON.stringify(toConfig(llama2, { eos: 2, start: [1] }))) },
  });
  return { HF_ENDPOINT: hub.endpoint, HF_HOME: join(folder, 'hf') };
}
