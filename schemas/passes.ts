/*
 * How much the trainer takes at once. Constants and no settings: the order of sums, and with it the last bits of a result,
 * depends on them. Here because what a step takes of memory is known from them before it runs (planner/memory.ts).
 */

/** Tokens that go through a model in one pass, padding included, though never less than one sequence. */
export const tokensAtOnce = 16_384;

/** Rows whose logits are in memory at once. */
export const rowsAtOnce = 1024;

/** Rows whose gradients by the weights are one product. */
export const rowsTogether = 1024;

/** Responses that are written side by side. */
export const responsesAtOnce = 256;

/** Tokens of prompts that are read at once before responses are written, padding included, though never less than one prompt. */
export const promptTokensAtOnce = 4096;

/** Tokens of held-out text that an evaluation scores at once, and problems that it answers. */
export const scoredTokensAtOnce = 8192;
export const problemsAtOnce = 64;

/**
 * What TensorFlow's allocator keeps beside what is in use, as a share of that: pieces that are too small for what is asked
 * for, or larger than that. Measured of TensorFlow 2.21.
 */
export const allocatorShare = 0.15;
