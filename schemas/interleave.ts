/**
 * Which source each sequence of a run comes from: no draw decides it, so that a share is kept at any time, and what a run
 * begins with need not depend on how long it is. The planner counts with it, and trainers order by it.
 */

/**
 * Sources taking turns by their weights, without end: for each sequence the index of its source.
 *
 * This is the quota method of apportionment (Balinski and Young 1975, doi 10.2307/2318729): of the sources that are
 * behind their share, the one whose next turn is due first; of those due at once the first. After any number of sequences
 * each source has had its share of them, but for less than one, and after as many as the weights add up to exactly.
 *
 * @param weights whole numbers that add up to 90 million at most (the square of that is still counted exactly), not all 0
 */
export function* interleave(weights: readonly number[]): Generator<number, never> {
  const period = periodOf(weights);
  for (;;) {
    // After a period all have had exactly their share, and it begins anew.
    const taken = weights.map(() => 0);
    for (let place = 0; place < period; place++) yield takeTurn(weights, period, taken, place);
  }
}

/** How many of the first `count` sequences come from each source. Takes as long as the turns of less than a period. */
export function interleavedCounts(weights: readonly number[], count: number): number[] {
  const period = periodOf(weights);
  const taken = weights.map(() => 0);
  for (let place = 0; place < count % period; place++) takeTurn(weights, period, taken, place);
  return weights.map((weight, index) => weight * Math.floor(count / period) + (taken[index] as number));
}

function periodOf(weights: readonly number[]): number {
  return weights.reduce((sum, weight) => sum + weight, 0);
}

/** The source whose turn it is after `place` others of a period; counts it among those taken. */
function takeTurn(weights: readonly number[], period: number, taken: number[], place: number): number {
  let next = -1;
  // Millions of turns are counted while somebody waits for a plan: an iterator would take many times as long.
  for (let index = 0; index < weights.length; index++) {
    const weight = weights[index] as number;
    const had = taken[index] as number;
    if (had * period >= weight * (place + 1)) continue;
    // (had + 1) / weight is when, in periods, its next turn is due.
    if (next < 0 || (had + 1) * (weights[next] as number) < ((taken[next] as number) + 1) * weight) next = index;
  }
  taken[next] = (taken[next] as number) + 1;
  return next;
}
