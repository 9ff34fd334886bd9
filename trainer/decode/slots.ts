/**
 * Continuous batching (Yu et al. 2022, Orca, OSDI '22): sequences are written side by side, a slot each, and where some have
 * ended their slots go to the next prompts. When no prompt is left, the slots become fewer.
 */
import { setImmediate as yieldToEvents } from 'node:timers/promises';
import type { Tensor } from '@tensorflow/tfjs-node';
import { promptTokensAtOnce } from '../../schemas/passes.ts';
import type { Architecture } from '../../schemas/types/job.ts';
import { TrainerFailure } from '../failure.ts';
import { tf } from '../tf.ts';
import { type Cache, createCache, roundedUp } from './cache.ts';
import { type Draws, doubles } from './draw.ts';
import type { Chosen } from './operators.ts';
import type { Passes } from './passes.ts';
import { type Penalty, penaltyOf } from './penalty.ts';

/** A sequence that is written to. */
export interface Sequence {
  /** Token ids, at least one. */
  prompt: readonly number[];
  /** What was written, and ln p of each token. */
  tokens: number[];
  logProbs: number[];
  /** Most tokens it may get, at least one. */
  room: number;
  /** Whether it ended by its latest token. */
  ended: boolean;
  /** The next draw, from [0, 1). */
  draw: () => number;
}

export interface DecodeOptions {
  /** Most sequences at a time. */
  batch: number;
  /** What scores are divided by; 0 for the likeliest token. */
  temperature: number;
  /** The probability of the likeliest tokens that are drawn from; 1 for all. */
  topP: number;
  /** Ids of the tokens that end a response, one or more. */
  ends: readonly number[];
  /** What scores of tokens that a sequence has are made less by: see penalty.ts. 1 is none. */
  repetitionPenalty: number;
  /** Whether a response ends with its latest token though that is no end. */
  stops?: ((tokens: readonly number[]) => boolean) | undefined;
}

/** What is written to side by side. */
interface Batch {
  /** The sequence of each slot of the cache; undefined where there is none any more. */
  slots: (Sequence | undefined)[];
  cache: Cache;
  /** Tokens that there are. */
  vocab: number;
  /** Lengths of prompts as they are padded. */
  padded(tokens: number): number;
  /** Room that slots are given where they need some for so many tokens. */
  roomFor(tokens: number): number;
}

/**
 * Writes to sequences until each has ended or is full. Yields to the event loop between tokens.
 *
 * @throws TrainerFailure `diverged` where scores are not finite
 */
export async function decode(
  architecture: Architecture,
  passes: Passes,
  sequences: readonly Sequence[],
  options: DecodeOptions,
): Promise<void> {
  // Prompts of like length together: less padding.
  const waiting = sequences.toSorted((a, b) => a.prompt.length - b.prompt.length);
  const count = Math.min(options.batch, roundedUp(sequences.length));
  const padded = (tokens: number) => Math.min(roundedUp(tokens, leastPadded), architecture.context);
  const most = padded(Math.max(...waiting.map(({ prompt, room }) => prompt.length + room)));
  const roomFor = (tokens: number) =>
    Math.min(leastRoom * 2 ** Math.ceil(Math.log2(Math.max(1, tokens / leastRoom))), most);
  const cache = createCache(architecture, count, roomFor((waiting[0] as Sequence).prompt.length));
  const { vocab } = architecture;
  const batch: Batch = { slots: new Array(count).fill(undefined), cache, vocab, padded, roomFor };
  try {
    for (;;) {
      const free = indicesWhere(batch.slots, (sequence) => sequence === undefined);
      const together = waiting.length === 0 ? 0 : promptsAtOnce(batch, free.length, waiting);
      if (together > 0 && free.length >= Math.min(together, waiting.length)) {
        readPrompts(passes, batch, waiting.splice(0, together), free, together, options);
      } else {
        if (free.length === batch.slots.length) break;
        shrink(batch);
        writeTokens(passes, batch, options);
      }
      await yieldToEvents();
    }
  } finally {
    cache.dispose();
  }
}

/** Shorter prompts are not read faster. */
const leastPadded = 16;

/** Room that is not used costs nothing: neither time nor, where it was never written to, memory. */
const leastRoom = 128;

/** The share of slots that become free before they are filled again: prompts are read faster together. */
const refilled = 1 / 8;

/** How many prompts are read at once: one of two counts, so that few shapes occur. */
function promptsAtOnce({ slots, padded }: Batch, free: number, waiting: readonly Sequence[]): number {
  const longest = Math.max(...waiting.slice(0, free).map(({ prompt }) => prompt.length));
  const most = Math.max(1, Math.min(slots.length, Math.floor(promptTokensAtOnce / padded(longest))));
  return free >= most ? most : Math.min(most, Math.ceil(slots.length * refilled));
}

/** Reads prompts, gives them slots, and writes their first tokens. Short of `together` some are read twice. */
function readPrompts(
  passes: Passes,
  { slots, cache, vocab, padded, roomFor }: Batch,
  admitted: readonly Sequence[],
  free: readonly number[],
  together: number,
  options: DecodeOptions,
): void {
  const places = Array.from({ length: together }, (_, i) => Math.min(i, admitted.length - 1));
  const read = places.map((place) => admitted[place] as Sequence);
  const time = padded(Math.max(...admitted.map(({ prompt }) => prompt.length)));
  const tokens = new Int32Array(together * time);
  for (const [row, { prompt }] of read.entries()) tokens.set(prompt, row * time);
  cache.grow(roomFor(time));
  tf.tidy(() => {
    const prompts = {
      tokens: tf.tensor2d(tokens, [together, time], 'int32'),
      lengths: integers(read.map(({ prompt }) => prompt.length)),
    };
    const draws = drawsOf(admitted, together, options);
    const { layers, ...chosen } = passes.read(prompts, draws, penaltiesOf(read, vocab, options));
    cache.write(
      places.map((place) => free[place] as number),
      layers,
    );
    for (const [i, sequence] of admitted.entries()) slots[free[i] as number] = sequence;
    write(slots, free.slice(0, admitted.length), chosen, options);
  });
}

/** Writes a token to each sequence. */
function writeTokens(passes: Passes, { slots, cache, vocab, roomFor }: Batch, options: DecodeOptions): void {
  cache.grow(roomFor(Math.max(...slots.map(lengthOf))));
  tf.tidy(() => {
    const latest = {
      tokens: integers(slots.map((sequence) => sequence?.tokens.at(-1) ?? (options.ends[0] as number))),
      positions: integers(slots.map((sequence) => Math.max(0, lengthOf(sequence) - 1))),
    };
    const draws = drawsOf(slots, slots.length, options);
    write(slots, [...slots.keys()], passes.step(latest, cache, draws, penaltiesOf(slots, vocab, options)), options);
  });
}

/** Takes the chosen tokens, one for the sequence in each of the slots. Those that they end leave their slots. */
function write(
  slots: Batch['slots'],
  targets: readonly number[],
  chosen: Chosen,
  { ends, stops }: DecodeOptions,
): void {
  const [tokens, logProbs] = [chosen.tokens.dataSync(), chosen.logProbs.dataSync()];
  for (const [i, slot] of targets.entries()) {
    const sequence = slots[slot];
    if (sequence === undefined) continue;
    const [token, logProb] = [tokens[i] as number, logProbs[i] as number];
    if (!Number.isFinite(logProb)) {
      throw new TrainerFailure('diverged', 'The model gives scores that are not finite: training has diverged.');
    }
    sequence.tokens.push(token);
    sequence.logProbs.push(logProb);
    sequence.ended = ends.includes(token) || (stops?.(sequence.tokens) ?? false);
    if (sequence.ended || sequence.tokens.length === sequence.room) slots[slot] = undefined;
  }
}

/** Goes on with a quarter of the slots, or less, when no more are needed: to make a graph for each half would cost more than it saves. */
function shrink(batch: Batch): void {
  const { slots, cache } = batch;
  const active = indicesWhere(slots, (sequence) => sequence !== undefined);
  const fewer = roundedUp(active.length);
  if (fewer > slots.length / 4) return;
  const kept = Array.from({ length: fewer }, (_, i) => active[i]);
  cache.keep(kept.map((slot) => slot ?? 0));
  batch.slots = kept.map((slot) => slots[slot as number]);
}

/** Draws for some sequences, of `count` at a time; undefined where none are needed. */
function drawsOf(
  sequences: readonly (Sequence | undefined)[],
  count: number,
  { temperature, topP }: DecodeOptions,
): Draws | undefined {
  if (temperature === 0) return undefined;
  const uniforms = Array.from({ length: count }, (_, i) => sequences[i]?.draw() ?? 0);
  return {
    uniforms: doubles(uniforms),
    sharpness: doubles([1 / temperature]),
    ...(topP < 1 && { nucleus: doubles([topP]) }),
  };
}

/** What is penalised of some sequences; undefined where nothing is. */
function penaltiesOf(
  sequences: readonly (Sequence | undefined)[],
  vocab: number,
  { repetitionPenalty }: DecodeOptions,
): Penalty | undefined {
  return repetitionPenalty === 1 ? undefined : penaltyOf(sequences, vocab, repetitionPenalty);
}

function lengthOf(sequence: Sequence | undefined): number {
  return sequence === undefined ? 0 : sequence.prompt.length + sequence.tokens.length;
}

function integers(values: readonly number[]): Tensor {
  return tf.tensor1d([...values], 'int32');
}

function indicesWhere<T>(items: readonly T[], holds: (item: T) => boolean): number[] {
  return items.flatMap((item, index) => (holds(item) ? [index] : []));
}
