/** Items in portions, and where portions of sequences begin and end. */

/** Items that stand side by side in groups of one size; what is left of them is the last. */
export function inGroups<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}

/** Where parts of at most `atOnce` tokens, though never less than one sequence of `time`, begin and end among sequences. */
export function stretchesOf(sequences: number, time: number, atOnce: number): [from: number, to: number][] {
  const each = Math.max(1, Math.floor(atOnce / time));
  return Array.from({ length: Math.ceil(sequences / each) }, (_, i) => [i * each, Math.min(sequences, (i + 1) * each)]);
}
