/**
 * Which source each sequence of a run comes from, where what a run begins with may not depend on how long it is: the
 * planner counts with it, and trainers order by it.
 */

/**
 * Sources taking turns by their weights: for each of the first `count` sequences the index of its source.
 *
 * This is the quota method of apportionment (Balinski and Young 1975, doi 10.2307/2318729): of the sources that are
 * behind their share, the one whose next turn is due first; of those due at once the first. After any number of sequences
 * each source has had its share of them, but for less than one, and what `count` is changes nothing of what comes before.
 *
 * @param weights whole numbers, at least 1, that add up to a million at most
 */
export function interleave(weights: readonly number[], count: number): Uint32Array {
  const period = weights.reduce((sum, weight) => sum + weight, 0);
  const taken = weights.map(() => 0);
  const order = new Uint32Array(count);
  for (let place = 0; place < count; place++) {
    let next = -1;
    for (const [index, weight] of weights.entries()) {
      const had = taken[index] as number;
      if (had * period >= weight * (place + 1)) continue;
      // (had + 1) / weight is when, in periods, its next turn is due.
      if (next < 0 || (had + 1) * (weights[next] as number) < ((taken[next] as number) + 1) * weight) next = index;
    }
    order[place] = next;
    taken[next] = (taken[next] as number) + 1;
  }
  return order;
}

/** How many of the first `count` sequences come from each source. */
export function interleavedCounts(weights: readonly number[], count: number): number[] {
  // After as many sequences as the weights add up to, all have had exactly their share, and it begins anew.
  const period = weights.reduce((sum, weight) => sum + weight, 0);
  const counts = weights.map((weight) => weight * Math.floor(count / period));
  for (const index of interleave(weights, count % period)) counts[index] = (counts[index] as number) + 1;
  return counts;
}
