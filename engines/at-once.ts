/** At most so many go through a model at once: EvoLM's. It changes the order of sums, and nothing else. */
const most = 16;

/** How many of a batch go through a model at once: the most that divide it, and every other of `sizes` (0 is divided by all). */
export function atOnce(...sizes: readonly number[]): number {
  for (let count = most; count > 1; count--) if (sizes.every((size) => size % count === 0)) return count;
  return 1;
}
