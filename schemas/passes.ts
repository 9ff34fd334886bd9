/*
 * How much the trainer takes at once. Constants and no settings: the order of sums, and with it the last bits of a result,
 * depends on them. Here because what a step takes of memory is known from them before it runs (planner/memory.ts).
 */

/** Tokens that go through a model in one pass, padding included, though never less than one sequence. */
export const tokensAtOnce = 16_384;

/** Rows whose logits are in memory at once. */
export const rowsAtOnce = 1024;
