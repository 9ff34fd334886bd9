/** At most so many go through a model at once: EvoLM's. It changes the order of sums, and nothing else. */
const most = 16;

/** How many of a batch go through a model at once: the most that divide it. */
export function atOnce(batch: number): number {
  for (let count = Math.min(batch, most); count > 1; count--) if (batch % count === 0) return count;
  return 1;
}
