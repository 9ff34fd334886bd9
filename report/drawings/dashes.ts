/** Patterns that tell lines apart without colour: lengths of strokes and of what is between them; the first line is whole. */
export const dashes: readonly (readonly number[])[] = [[], [6, 3], [2, 2], [8, 3, 2, 3], [1, 3], [12, 4], [4, 2, 1, 2]];
