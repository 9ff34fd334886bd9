/** What a model's folder has beside its weights: its shape, its tokenizer, its card. */
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Head } from '../schemas/llama.ts';
import type { Ancestry } from '../schemas/types/ancestry.ts';
import type { Architecture } from '../schemas/types/job.ts';
import { ancestryFile } from './ancestry.ts';
import { modelCard } from './card.ts';
import { readTokenizerConfig, toConfig, toGenerationConfig } from './config.ts';
import { writeJson } from './folders.ts';
import { loadTokenizer } from './tokenizer/load.ts';

export interface Described {
  architecture: Architecture;
  head: Head;
  /** Folder with tokenizer.json and tokenizer_config.json. */
  tokenizer: string;
  /** How it was taught to be asked, in Jinja. Default: as its tokenizer says. */
  chatTemplate?: string | undefined;
  /** What it descends from, for its card; without it no card is written. */
  ancestry?: Ancestry;
}

/** Writes all of a Hugging Face shaped folder but the weights. */
export async function describeModel(folder: string, described: Described): Promise<void> {
  const { architecture, head, tokenizer, chatTemplate, ancestry } = described;
  const bounds = await loadTokenizer(tokenizer);
  await writeJson(join(folder, 'config.json'), toConfig(architecture, bounds, head));
  await writeJson(join(folder, 'generation_config.json'), toGenerationConfig(bounds));
  await copyFile(join(tokenizer, 'tokenizer.json'), join(folder, 'tokenizer.json'));
  const tokenizerConfig = await readTokenizerConfig(tokenizer, architecture, bounds, chatTemplate);
  await writeJson(join(folder, 'tokenizer_config.json'), tokenizerConfig);
  if (ancestry === undefined) return;
  await writeJson(join(folder, ancestryFile), ancestry);
  await writeFile(join(folder, 'README.md'), modelCard(ancestry, architecture, head));
}
