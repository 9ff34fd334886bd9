/** What a stage begins with: a model, and the tokenizer in its folder. */
import type { Architecture } from '../schemas/types/job.ts';
import { loadModel, type Parameters } from './parameters.ts';
import { loadTokenizer, requireVocabulary, type Tokenizer } from './tokenizer/load.ts';

export interface Parent {
  architecture: Architecture;
  parameters: Parameters;
  tokenizer: Tokenizer;
}

/** The model in a folder and its tokenizer. Throws `bad-data` where files are missing or do not fit together. */
export async function loadParent(folder: string): Promise<Parent> {
  const model = await loadModel(folder);
  const tokenizer = await loadTokenizer(folder);
  requireVocabulary(tokenizer, model.architecture, 'bad-data');
  return { ...model, tokenizer };
}
