/** What a stage begins with: a model, and the tokenizer in its folder. */
import type { Architecture } from '../schemas/types/job.ts';
import { TrainerFailure } from './failure.ts';
import { loadModel, type Parameters } from './parameters.ts';
import { loadTokenizer, type Tokenizer } from './tokenizer/load.ts';

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

/** Throws unless a model has a score, and an embedding, for each token: it would take those of another. */
export function requireVocabulary(tokenizer: Tokenizer, { vocab }: Architecture, kind: 'bad-data' | 'bad-job'): void {
  if (tokenizer.vocab <= vocab) return;
  throw new TrainerFailure(
    kind,
    `The tokenizer has ${tokenizer.vocab} tokens, and the model has a vocabulary of ${vocab}.`,
  );
}
