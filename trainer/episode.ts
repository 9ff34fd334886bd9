/**
 * Episodes as tensors. Rows are padded on the right, where a causal model does not see it, and only the states that
 * response tokens were drawn from are taken out of them: all else is [N] for N response tokens, one response after the
 * other, without padding and without masks.
 */
import type { Scalar, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import type { Architecture } from '../schemas/types/job.ts';
import { type Gradients, valueAndGradients } from './adamw.ts';
import { hiddenStates, type Parameters, rows } from './model.ts';
import { tf } from './tf.ts';

/** One response to one prompt, as token ids (at least one each), and the reward of the whole. */
export interface Episode {
  prompt: number[];
  response: number[];
  /** ln p of each response token, as it was sampled. */
  logProbs: number[];
  reward: number;
}

/** The hidden state that each response token was drawn from, that of the token before it: [N, hidden]. */
export function statesBefore(
  architecture: Architecture,
  parameters: Parameters,
  episodes: readonly Episode[],
): Tensor2D {
  const time = Math.max(...episodes.map(tokensRead));
  const tokens = new Int32Array(episodes.length * time);
  const places: number[] = [];
  for (const [row, { prompt, response }] of episodes.entries()) {
    tokens.set(prompt, row * time);
    tokens.set(response.slice(0, -1), row * time + prompt.length);
    for (let t = 0; t < response.length; t++) places.push(row * time + prompt.length - 1 + t);
  }
  const hidden = hiddenStates(architecture, parameters, tf.tensor2d(tokens, [episodes.length, time], 'int32'));
  return rows(hidden.reshape([-1, architecture.hidden]), tf.tensor1d(places, 'int32'));
}

/** The response tokens: int32 [N]. */
export function responseTokens(episodes: readonly Episode[]): Tensor1D {
  return tf.tensor1d(
    episodes.flatMap(({ response }) => response),
    'int32',
  );
}

/** N. */
export function countResponseTokens(episodes: readonly Episode[]): number {
  return episodes.reduce((sum, { response }) => sum + response.length, 0);
}

/** Neighbours in parts whose padded rows hold at most `tokensAtOnce` tokens, though never less than one episode. */
export function inParts<E extends Episode>(episodes: readonly E[], tokensAtOnce: number): E[][] {
  const parts: E[][] = [];
  let longest = 0;
  for (const episode of episodes) {
    const part = parts.at(-1);
    longest = Math.max(longest, tokensRead(episode));
    if (part !== undefined && (part.length + 1) * longest <= tokensAtOnce) {
      part.push(episode);
    } else {
      parts.push([episode]);
      longest = tokensRead(episode);
    }
  }
  return parts;
}

/** What `measure` gives for the response tokens of each part, [N], as an array an episode. */
export function perEpisode<E extends Episode>(parts: readonly E[][], measure: (part: E[]) => Tensor1D): Float32Array[] {
  return parts.flatMap((part) => {
    const all = tf.tidy(() => measure(part).dataSync() as Float32Array);
    let offset = 0;
    return part.map(({ response }) => {
      offset += response.length;
      return all.slice(offset - response.length, offset);
    });
  });
}

/** A loss that is a sum over parts, and its gradients, which the caller disposes. */
export function sumOverParts<E extends Episode>(
  parts: readonly E[][],
  parameters: Parameters,
  lossOf: (part: E[]) => Scalar,
): { loss: number; gradients: Gradients } {
  let loss = 0;
  const gradients = tf.tidy(() =>
    parts.reduce<Gradients>((sum, part) => {
      const { value, gradients } = valueAndGradients(() => lossOf(part), parameters);
      loss += value.dataSync()[0] as number;
      return addUp(sum, gradients);
    }, {}),
  );
  return { loss, gradients };
}

/** Tokens the model reads: all but the last, after which nothing comes. */
function tokensRead({ prompt, response }: Episode): number {
  return prompt.length + response.length - 1;
}

/** Adds gradients by name, where the first may yet lack some, and frees what it replaces. */
function addUp(sum: Gradients, others: Gradients): Gradients {
  const total = { ...sum };
  for (const [name, gradient] of Object.entries(others)) {
    const before = sum[name];
    total[name] = before === undefined ? gradient : tf.add(before, gradient);
    if (before !== undefined) tf.dispose([before, gradient]);
  }
  return total;
}
