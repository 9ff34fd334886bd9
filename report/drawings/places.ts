/** Where a box stands in a drawing of what needs what, counted from the top left. */
export interface Place {
  column: number;
  row: number;
}

/**
 * Places of boxes, each given by the boxes (by index) that it needs: one column behind the last of those, in the order that
 * they are given; where boxes need each other, the first is not waited for.
 */
export function placesOf(needs: readonly (readonly number[])[]): Place[] {
  const columns = new Map<number, number>();
  const columnOf = (box: number): number => {
    const known = columns.get(box);
    if (known !== undefined) return known;
    columns.set(box, 0);
    const column = (needs[box] ?? []).reduce((most, other) => Math.max(most, columnOf(other) + 1), 0);
    columns.set(box, column);
    return column;
  };
  const filled: number[] = [];
  return needs.map((_, box) => {
    const column = columnOf(box);
    const row = filled[column] ?? 0;
    filled[column] = row + 1;
    return { column, row };
  });
}
