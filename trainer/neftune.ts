/** Noise on the embeddings of examples, in training alone: NEFTune (Jain et al. 2023, arXiv 2310.05914). */
import { type Example, readOf } from './example.ts';
import type { PaddedRows } from './padded.ts';
import type { Random } from './random.ts';

/**
 * What is added to the embedding of each token of an example: uniform in [-1, 1) times alpha / sqrt(L d), where d is the width
 * of the model and L the tokens that it reads of that example. transformers' hook, which TRL uses, takes the padded length
 * of the batch for L, by which an example gets less noise beside a longer one; here padding does not count, and has no noise.
 *
 * @param drawsOf the draws of each example, by its place among them: what noise it gets depends neither on the others nor on
 * where it is laid out
 * @returns sequences * time * hidden numbers, laid out as the tokens are
 */
export function embeddingNoise(
  { firsts, tokens }: Pick<PaddedRows, 'firsts' | 'tokens'>,
  examples: readonly Example[],
  hidden: number,
  alpha: number,
  drawsOf: (index: number) => Pick<Random, 'uniform'>,
): Float32Array {
  const noise = new Float32Array(tokens.length * hidden);
  for (const [index, example] of examples.entries()) {
    const count = readOf(example) * hidden;
    const start = (firsts[index] as number) * hidden;
    const most = alpha / Math.sqrt(count);
    const draws = drawsOf(index);
    for (let at = start; at < start + count; at++) noise[at] = most * (2 * draws.uniform() - 1);
  }
  return noise;
}
