import type { Architecture, Template } from '../schemas/types/job.ts';
import type { Corpus } from './mixture.ts';

/**
 * What a stage starts from: the shape of its model, and what its pretraining saw. Null for pretraining itself; nobody knows
 * it of a model that was adopted.
 */
export interface Ancestry {
  architecture: Architecture;
  corpus: Corpus | 'unknown' | null;
  /** How the model is asked: as the last fine-tuning taught it. */
  template: Template;
  /** Whether its tokenizer has a chat template; undefined where only a download will tell. What is trained here has one. */
  hasTemplate: boolean | undefined;
}

/** What says in a recipe how a model is asked; nothing where it is the default. */
export function askedBy(template: Template): { template?: Template } {
  return template === 'paper' ? {} : { template };
}
