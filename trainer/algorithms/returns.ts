/** Advantages and returns of each token of a response, of its rewards and the critic's values. */

/**
 * Generalised advantage estimation over one response (Schulman et al. 2016, arXiv 1506.02438): delta_t = r_t + gamma *
 * V_{t+1} - V_t, A_t = delta_t + gamma * lambda * A_{t+1}, return_t = A_t + V_t. The value after the last token is 0,
 * also where the response was cut at the longest length: the episode ends there.
 */
export function generalisedAdvantages(
  rewards: Float32Array,
  values: Float32Array,
  gamma: number,
  lambda: number,
): { advantages: Float32Array; returns: Float32Array } {
  const advantages = new Float32Array(rewards.length);
  const returns = new Float32Array(rewards.length);
  let advantage = 0;
  let nextValue = 0;
  for (let t = rewards.length - 1; t >= 0; t--) {
    const value = values[t] as number;
    const delta = (rewards[t] as number) + gamma * nextValue - value;
    advantage = delta + gamma * lambda * advantage;
    advantages[t] = advantage;
    returns[t] = advantage + value;
    nextValue = value;
  }
  return { advantages, returns };
}

/** What is still to come at each token of one response, discounted: G_t = r_t + gamma * G_{t+1}. */
export function discountedReturns(rewards: Float32Array, gamma: number): Float32Array {
  const returns = new Float32Array(rewards.length);
  let next = 0;
  for (let t = rewards.length - 1; t >= 0; t--) {
    next = (rewards[t] as number) + gamma * next;
    returns[t] = next;
  }
  return returns;
}
