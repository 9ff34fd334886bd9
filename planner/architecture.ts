import type { Architecture } from '../schemas/types/job.ts';
import type { LineageFile } from '../schemas/types/lineage.ts';
import { defaults } from './defaults.ts';
import { own } from './tree.ts';

/**
 * Parameters of a LLaMA-2 shaped decoder: untied embeddings and head, no biases, grouped-query attention, SwiGLU, RMSNorm.
 * Per layer 2d² (query and output) + 2·d·kv·(d/h) (key and value) + 3·d·ffn + 2d (norms); then the last norm and 2·V·d.
 */
export function parameterCount(a: Architecture): number {
  const head = a.hidden / a.heads;
  const layer = 2 * a.hidden ** 2 + 2 * a.hidden * a.kvHeads * head + 3 * a.hidden * a.ffn + 2 * a.hidden;
  return a.layers * layer + a.hidden + 2 * a.vocab * a.hidden;
}

/** A declared model with its defaults and the vocabulary of its tokenizer. */
export function architectureOf(file: LineageFile, model: string, vocab: number): Architecture {
  const declared = own(file.models ?? {}, model);
  if (!declared) throw new Error(`no model ${model}`);
  const { layers, hidden, heads, ffn, context } = declared;
  return {
    layers,
    hidden,
    heads,
    kvHeads: declared.kvHeads ?? heads,
    ffn,
    vocab,
    context,
    ropeTheta: declared.ropeTheta ?? defaults.architecture.ropeTheta,
    normEpsilon: declared.normEpsilon ?? defaults.architecture.normEpsilon,
  };
}
