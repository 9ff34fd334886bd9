/** What a model reads and predicts at once: as plain arrays, in parts that fit into one pass, as tensors, and through the model. */
import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import type { Architecture } from '../schemas/types/job.ts';
import { hiddenStates } from './model.ts';
import { rows } from './ops.ts';
import type { Parameters } from './parameters.ts';
import { stretchesOf } from './portions.ts';
import { paddedPlaces } from './shapes.ts';
import { tf } from './tf.ts';

/** Tokens to read and tokens to predict, as plain arrays. */
export interface Rows {
  sequences: number;
  /** Length of each sequence, padded on the right where it is shorter. */
  time: number;
  /** sequences * time token ids, a sequence after the other. */
  tokens: Int32Array;
  /** Places (indices into `tokens`) after which a token is predicted, padding among them; undefined for all of them. */
  places?: Int32Array;
  /** What is predicted at each place; 0 where that is padding. */
  targets: Int32Array;
  /** Where several documents are packed into a sequence: the place in it where that of each token begins, as many as tokens. */
  begins?: Int32Array;
}

/** Rows with what each prediction counts for. */
export interface Batch extends Rows {
  /** Weight of each prediction in the loss: they add up to one, and padding has none. */
  weights: Float32Array;
  /** What is added to the embeddings of the tokens, as many numbers for each as the model is wide. */
  noise?: Float32Array;
}

/**
 * Rows in TensorFlow, int32: tokens [sequences, time], the places that are predicted at [N] or undefined for all, targets [N],
 * and where documents begin [sequences, time], if several are packed.
 */
export type RowTensors = { tokens: Tensor2D; places?: Tensor1D; targets: Tensor1D; begins?: Tensor2D };

/** A batch in TensorFlow: its rows, weights [N], and what is added to the embeddings [sequences * time, hidden]. */
export type BatchTensors = RowTensors & { weights: Tensor1D; noise?: Tensor2D };

/** The tensors of rows; the caller disposes them. */
export function rowTensors({ sequences, time, tokens, places, targets, begins }: Rows): RowTensors {
  return {
    tokens: tf.tensor2d(tokens, [sequences, time], 'int32'),
    ...(places && { places: tf.tensor1d(places, 'int32') }),
    targets: tf.tensor1d(targets, 'int32'),
    ...(begins && { begins: tf.tensor2d(begins, [sequences, time], 'int32') }),
  };
}

/** The tensors of a batch; the caller disposes them. */
export function batchTensors(batch: Batch): BatchTensors {
  const { tokens, noise } = batch;
  return {
    ...rowTensors(batch),
    weights: tf.tensor1d(batch.weights),
    ...(noise && { noise: tf.tensor2d(noise, [tokens.length, noise.length / tokens.length]) }),
  };
}

/** The hidden state at each place, that which its target is predicted from; those of padding too: [N, hidden]. */
export function statesBefore(
  architecture: Architecture,
  parameters: Parameters,
  { tokens, places, begins, noise }: Omit<RowTensors, 'targets'> & Pick<BatchTensors, 'noise'>,
  recompute = false,
): Tensor2D {
  const states = hiddenStates(architecture, parameters, tokens, { begins, noise, recompute });
  const hidden = states.reshape([-1, architecture.hidden]) as Tensor2D;
  return places === undefined ? hidden : rows(hidden, places);
}

/** A batch in parts of whole sequences of at most so many tokens, though never less than one sequence. */
export function inParts(batch: Batch, atOnce: number): Batch[] {
  const stretches = stretchesOf(batch.sequences, batch.time, atOnce);
  return stretches.length === 1 ? [batch] : stretches.map(([from, to]) => partOf(batch, from, to));
}

/** Some sequences of a batch, with what is predicted in them. */
function partOf({ time, tokens, places, targets, weights, begins, noise }: Batch, from: number, to: number): Batch {
  const [first, end] = [from * time, to * time];
  const width = noise === undefined ? 0 : noise.length / tokens.length;
  const read = {
    sequences: to - from,
    time,
    tokens: tokens.slice(first, end),
    ...(begins && { begins: begins.slice(first, end) }),
    ...(noise && { noise: noise.slice(first * width, end * width) }),
  };
  if (places === undefined) return { ...read, targets: targets.slice(first, end), weights: weights.slice(first, end) };
  const chosen = [...places.keys()].filter((i) => {
    const place = places[i] as number;
    return place >= first && place < end && weights[i] !== 0;
  });
  return predicting(read, {
    places: chosen.map((i) => (places[i] as number) - first),
    targets: chosen.map((i) => targets[i] as number),
    weights: chosen.map((i) => weights[i] as number),
  });
}

/** What is predicted after some tokens of a batch: the nth target at the nth place, with the nth weight. */
interface Predictions {
  /** Indices into the batch's tokens, in ascending order. */
  places: readonly number[];
  targets: readonly number[];
  weights: readonly number[];
}

/** A batch, or a part of one, that predicts this after the tokens it reads. What is padded weighs nothing. */
function predicting(
  read: Omit<Batch, 'places' | 'targets' | 'weights'>,
  { places, targets, weights }: Predictions,
): Batch {
  const chosen = paddedPlaces(read.tokens.length, places.length);
  const size = chosen ?? read.tokens.length;
  const batch = { ...read, targets: new Int32Array(size), weights: new Float32Array(size) };
  for (const [index, place] of places.entries()) {
    const at = chosen === undefined ? place : index;
    batch.targets[at] = targets[index] as number;
    batch.weights[at] = weights[index] as number;
  }
  if (chosen === undefined) return batch;
  const padded = new Int32Array(chosen);
  padded.set(places);
  return { ...batch, places: padded };
}
