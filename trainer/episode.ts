/** Episodes: what was sampled and rewarded, and how it goes through a model. */
import type { Tensor1D } from '@tensorflow/tfjs-node';
import { type RowTensors, rowTensors } from './batch.ts';
import { countResponseTokens, type Example, longestOf } from './example.ts';
import { type CaptureOptions, capture } from './graph/capture.ts';
import { collected, type PaddedRows, padded, spread } from './padded.ts';
import { stretchesOf } from './portions.ts';
import { paddedTime } from './shapes.ts';
import { readTensor, tf } from './tf.ts';

/** One response to one prompt, as token ids (at least one each), and the reward of the whole. */
export interface Episode extends Example {
  /** ln p of each response token, as it was sampled. */
  logProbs: number[];
  reward: number;
}

/** An episode with what was measured and estimated before the first update of its round, a figure a response token. */
export interface Experience extends Episode {
  /** ln p under the policy that sampled; undefined where the round is one update, which then has the same. */
  oldLogProbs: Float32Array | undefined;
  /** ln p under the policy's parent; undefined where the algorithm does not compare with it. */
  referenceLogProbs: Float32Array | undefined;
  /** Undefined without a critic, and so are the returns. */
  values: Float32Array | undefined;
  advantages: Float32Array;
  returns: Float32Array | undefined;
}

/** What of an experience goes into an update. */
type Figure = Exclude<keyof Experience, keyof Episode>;

/** Episodes that go through a model in one pass, and as what. */
export interface Part<E extends Episode> {
  episodes: readonly E[];
  rows: PaddedRows;
}

/** How episodes are laid out: in which context, as long as which at least, and how many tokens with padding at once. */
export interface Layout {
  context: number;
  longest: number;
  atOnce: number;
}

/** The layout of a round. All of its rows are as long as its longest, so that its mini-batches have one shape or two. */
export function layoutOf(episodes: readonly Episode[], context: number, atOnce: number): Layout {
  return { context, longest: longestOf(episodes), atOnce };
}

/** Neighbours in parts of at most so many padded tokens, though never less than one episode. */
export function inParts<E extends Episode>(episodes: readonly E[], { context, longest, atOnce }: Layout): Part<E>[] {
  return stretchesOf(episodes.length, paddedTime(longest, context), atOnce).map(([from, to]) => {
    const part = episodes.slice(from, to);
    return { episodes: part, rows: padded(part, { padding: 0, context, longest }) };
  });
}

/**
 * What an update is made from: rows, and for each of the places in them, [N], its weight in the loss, its share of the
 * tokens, and what is known of it; padding has 0 of all.
 */
export type UpdateTensors<Name extends Figure> = RowTensors & { weights: Tensor1D; shares: Tensor1D } & {
  [name in Name]: Tensor1D;
};

/**
 * The parts of a mini-batch as makers of their tensors, with these figures as far as they were measured. `lossWeights` are
 * those of a response's tokens in the loss. Shares make a sum a mean over the response tokens of the mini-batch: over all
 * its parts they add up to 1.
 */
export function updateTensors<Name extends Figure>(
  parts: readonly Part<Experience>[],
  names: readonly Name[],
  lossWeights: (lengths: readonly number[]) => number[],
): (() => UpdateTensors<Name>)[] {
  const all = parts.flatMap(({ episodes }) => episodes);
  const share = 1 / countResponseTokens(all);
  const found = lossWeights(all.map(({ response }) => response.length));
  const weights = new Map(all.map((episode, i) => [episode, found[i] as number]));
  return parts.map(({ episodes, rows }) => () => {
    const tensor = (of: (episode: Experience) => Float32Array) => tf.tensor1d(spread(rows, episodes.map(of)));
    const measured = names.filter((name) => episodes[0]?.[name] !== undefined);
    return {
      ...rowTensors(rows),
      weights: tensor((episode) => new Float32Array(episode.response.length).fill(weights.get(episode) as number)),
      shares: tensor(({ response }) => new Float32Array(response.length).fill(share)),
      ...Object.fromEntries(measured.map((name) => [name, tensor((episode) => episode[name] as Float32Array)])),
    } as UpdateTensors<Name>;
  });
}

/** Measures a figure of each response token, as a captured function. */
export interface Measure {
  (parts: readonly Part<Episode>[]): Float32Array[];
  /** Frees the graphs; not the model. */
  dispose(): void;
}

/** `pass`, which gives a figure for each of the places in rows, [N], as a measure of episodes, without padding. */
export function measure(pass: (rows: RowTensors) => Tensor1D, options: CaptureOptions): Measure {
  const captured = capture((rows: RowTensors) => ({ figures: pass(rows) }), options);
  const ofParts = (parts: readonly Part<Episode>[]) =>
    parts.flatMap(({ episodes, rows }) =>
      collected(
        rows,
        episodes,
        readTensor(() => captured(rowTensors(rows)).figures),
      ),
    );
  return Object.assign(ofParts, { dispose: captured.dispose });
}
