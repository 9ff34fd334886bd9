import { join } from 'node:path';
import type { DpoJob, RewardJob } from '../schemas/types/job.ts';
import { loadTemplate } from '../trainer/data/chat-template.ts';
import { countPairTokens, type Pair } from '../trainer/data/preferences.ts';
import { trainedOnPairs } from '../trainer/data/trained-on.ts';
import { writeLines } from '../trainer/folders.ts';
import { heldoutMeans, type PairSet, pairFacts, readPairs } from '../trainer/pairwise.ts';
import type { Tokenizer } from '../trainer/tokenizer/load.ts';
import { type Ordered, writeOrdered } from './order.ts';

/** Pairs of a better and a worse response: `{"chosen": {"prompt": [...], "response": [...]}, "rejected": ...}` each, in tokens. */
export interface Pairs extends Ordered, PairSet {
  /** The file of those that are held out. */
  heldoutPath: string;
}

/**
 * Writes the pairs of a stage into a folder: exactly those that the built-in trainer learns from and is judged by, tokenized, cut
 * to `longest` tokens and ordered as there. Throws as the data's readers.
 */
export async function writePairs(
  folder: string,
  { type, recipe, inputs, seed }: DpoJob | RewardJob,
  tokenizer: Tokenizer,
  longest: number,
): Promise<Pairs> {
  const template = await loadTemplate(recipe.template, inputs.parent, tokenizer);
  const read = readPairs(recipe.data, recipe.examples, inputs.data, template.exampleTokens, longest);
  const ordered = await writeOrdered(folder, read.pairs, {
    ...{ recipe, seed, stage: type, line: lineOfPair },
    tokens: countPairTokens,
    data: (batch) => trainedOnPairs(recipe.data.name, batch),
  });
  const heldoutPath = join(folder, 'heldout.jsonl');
  await writeLines(heldoutPath, read.heldout.map(lineOfPair));
  return { ...ordered, ...read, heldoutPath };
}

/** The facts of a stage that has learned from pairs; `judged` is what its driver says of the held-out ones. */
export function factsOfPairs(
  { recipe }: DpoJob | RewardJob,
  pairs: Pairs,
  { loss, margin, accuracy }: { loss?: number; margin?: number; accuracy?: number },
): Record<string, number> {
  const n = pairs.heldout.length;
  const right = accuracy === undefined ? {} : { right: Math.round(accuracy * n) };
  return pairFacts(
    recipe,
    pairs,
    heldoutMeans(n, { ...(loss !== undefined && { loss }), ...(margin !== undefined && { margin }), ...right }),
  );
}

function lineOfPair({ chosen, rejected }: Pair): object {
  return { chosen, rejected };
}
