/** Examples of different lengths in few rows: which go together, where no example may be cut. */

/**
 * Best-fit decreasing (Ding et al. 2024, arXiv 2404.10830; TRL's `bfd`): from the longest example to the shortest, each goes
 * into the row with the least room that holds it, or else begins a new one. It takes at most 11/9 of the fewest rows that
 * there can be, and one more (Johnson 1973).
 *
 * @param lengths of the examples, each at most `capacity`
 * @returns the rows, each with the indices of its examples in their order; a function of the lengths alone
 */
export function bestFitDecreasing(lengths: readonly number[], capacity: number): number[][] {
  const rows: { room: number; members: number[] }[] = [];
  const lengthOf = (index: number) => lengths[index] as number;
  for (const index of [...lengths.keys()].sort((a, b) => lengthOf(b) - lengthOf(a) || a - b)) {
    const length = lengthOf(index);
    let best: (typeof rows)[number] | undefined;
    for (const row of rows) if (row.room >= length && (best === undefined || row.room < best.room)) best = row;
    if (best === undefined) {
      best = { room: capacity, members: [] };
      rows.push(best);
    }
    best.members.push(index);
    best.room -= length;
  }
  return rows.map(({ members }) => members);
}
