/** Statistics over all tokens of all responses of a round, of which each counts the same. */

/**
 * Advantages of a whole round shifted to mean 0 and scaled to deviation 1 over all of its tokens, with Bessel's
 * correction: (A - mean) / sqrt(variance + 1e-8), as verl's `masked_whiten`. A single token is only shifted, to 0.
 */
export function whiten(responses: readonly Float32Array[]): Float32Array[] {
  const { count, mean, squares } = moments(responses);
  const scale = count > 1 ? 1 / Math.sqrt(squares / (count - 1) + 1e-8) : 1;
  return responses.map((advantages) => advantages.map((advantage) => (advantage - mean) * scale));
}

/** Count, mean and sum of squared deviations of all tokens of all responses, in two passes. */
export function moments(responses: readonly Float32Array[]): { count: number; mean: number; squares: number } {
  let count = 0;
  let sum = 0;
  for (const response of responses) {
    count += response.length;
    for (const value of response) sum += value;
  }
  const mean = count === 0 ? 0 : sum / count;
  let squares = 0;
  for (const response of responses) for (const value of response) squares += (value - mean) ** 2;
  return { count, mean, squares };
}
