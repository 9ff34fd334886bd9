/** Items in portions. */

/** Items that stand side by side in groups of one size; what is left of them is the last. */
export function inGroups<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}
