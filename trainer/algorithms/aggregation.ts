/**
 * How the losses of tokens make the loss of a mini-batch: as weights, so that parts of one add up. Names and formulas are
 * those of verl's `agg_loss`; with B responses of n_i tokens, and M the longest that a response may be,
 *
 *     token-mean               1 / Σ n_i      (DAPO, arXiv 2503.14476, eq. 12)
 *     seq-mean-token-sum       1 / B
 *     seq-mean-token-mean      1 / (B n_i)    (GRPO, arXiv 2402.03300, eq. 3)
 *     seq-mean-token-sum-norm  1 / (B M)      (Dr. GRPO, arXiv 2503.20783, listing 1)
 */
import type { RlRecipe } from '../../schemas/types/job.ts';

/** The weight of each token of each of the responses of a mini-batch, of which all lengths are given (at least one). */
export function lossWeights(
  lengths: readonly number[],
  { lossAggregation, maxResponse }: Pick<RlRecipe, 'lossAggregation' | 'maxResponse'>,
): number[] {
  const responses = lengths.length;
  switch (lossAggregation) {
    case 'token-mean': {
      const tokens = lengths.reduce((sum, length) => sum + length, 0);
      return lengths.map(() => 1 / tokens);
    }
    case 'seq-mean-token-sum':
      return lengths.map(() => 1 / responses);
    case 'seq-mean-token-mean':
      return lengths.map((length) => 1 / (responses * length));
    case 'seq-mean-token-sum-norm':
      return lengths.map(() => 1 / (responses * maxResponse));
    default:
      return lossAggregation satisfies never;
  }
}
