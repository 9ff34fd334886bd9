import type { Head } from '../schemas/llama.ts';
import type { LineageFile } from '../schemas/types/lineage.ts';
import type { Ancestry } from './ancestry.ts';
import { architectureOf } from './architecture.ts';
import { tokenizerOf, vocabularyOf } from './inputs.ts';
import type { Learned } from './overlaps.ts';
import type { Key, PlanNode } from './plan.ts';

/** What a node starts from: a model that a stage leaves, or a tokenizer and random weights. */
export interface Start {
  /** A reward model scores, and nothing else starts from it. */
  head: Head;
  /** The stage's node, where it starts from one that is trained here. */
  node?: PlanNode;
  ancestry: Ancestry;
  /** Keys of the model or of the tokenizer, by role. */
  parents: Record<string, Key>;
  /** The problems that were learned from. */
  learned: Learned | null;
}

/** What pretraining starts from, by model: random weights, and the model's tokenizer. */
export function untrainedModels(file: LineageFile, tokenizers: ReadonlyMap<string, PlanNode>): Map<string, Start> {
  const starts = new Map<string, Start>();
  for (const model of Object.keys(file.models ?? {})) {
    const tokenizer = tokenizers.get(tokenizerOf(file, model));
    if (tokenizer?.type !== 'tokenizer') continue; // nothing pretrains this model
    const architecture = architectureOf(file, model, vocabularyOf(tokenizer.recipe));
    starts.set(model, {
      head: 'language',
      ancestry: { architecture, corpus: null, template: 'paper', hasTemplate: true },
      parents: { tokenizer: tokenizer.key },
      learned: null,
    });
  }
  return starts;
}
