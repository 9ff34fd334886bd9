/** How the p of several tests are corrected. */
export type Correction = 'holm' | 'benjamini-hochberg' | 'none';

/**
 * Corrects the p of tests that are told together, in their order; NaN, of a test that there was none, stays and counts for
 * nothing. `holm` keeps the chance of one wrong claim among all below alpha (Holm 1979); `benjamini-hochberg` the expected
 * share of wrong ones among those claimed, of tests that are independent or positively dependent (1995).
 */
export function corrected(values: readonly number[], correction: Correction): number[] {
  const order = values.flatMap((p, index) => (Number.isNaN(p) ? [] : [index]));
  order.sort((a, b) => (values[a] as number) - (values[b] as number));
  const found = [...values];
  const count = order.length;
  switch (correction) {
    case 'none':
      return found;
    case 'holm': {
      let least = 0;
      for (const [rank, index] of order.entries()) {
        least = Math.max(least, Math.min(1, (count - rank) * (values[index] as number)));
        found[index] = least;
      }
      return found;
    }
    case 'benjamini-hochberg': {
      let most = 1;
      for (const [rank, index] of [...order.entries()].reverse()) {
        most = Math.min(most, (count / (rank + 1)) * (values[index] as number));
        found[index] = most;
      }
      return found;
    }
    default:
      return correction satisfies never;
  }
}
