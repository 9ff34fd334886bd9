/** Text from a model: greedy or sampled, many prompts side by side, with a cache of keys and values. */
import { setImmediate as yieldToEvents } from 'node:timers/promises';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs-node';
import type { Architecture } from '../schemas/types/job.ts';
import { TrainerFailure } from './failure.ts';
import {
  type Cache,
  disposeCache,
  emptyCache,
  type ForwardOptions,
  hiddenStates,
  keepSequences,
  logits,
  type Parameters,
} from './model.ts';
import { random } from './random.ts';
import { readTensor, tf } from './tf.ts';

/** What `generate` needs of a model. */
export interface Generator {
  architecture: Architecture;
  parameters: Parameters;
  /** Id of the token that ends a response: `tokenizer.eos`. */
  eos: number;
}

export interface GenerateOptions {
  /** Longest response, in tokens with its end; less where prompt and response would not fit the context together. */
  maxTokens: number;
  /** 0 is greedy; else tokens are drawn from softmax(logits / temperature). */
  temperature: number;
  /** Seed and purpose of the draws: `seed: job.seed, purpose: ['rollout', round]`. */
  seed: number;
  purpose: (string | number)[];
  /** Name of each prompt among the draws; default its index. Equal names at equal prompts draw equal responses. */
  draws?: (string | number)[];
  /** Prompts that run at once, which bounds the memory. Does not change the result but for float noise. */
  batch?: number;
}

export interface Generated {
  /** The response, with the end token when it ended. Empty when the prompt leaves no room in the context. */
  tokens: number[];
  /** ln p of each token under softmax(logits / temperature); for greedy under softmax(logits). */
  logProbs: number[];
  /** True when it ended by itself, false when it was cut. */
  ended: boolean;
}

/** A response that is being written. */
interface Row extends Generated {
  prompt: number[];
  /** Most tokens it may get. */
  room: number;
  /** The next draw, from [0, 1). */
  draw: () => number;
}

/**
 * A response to each prompt (token ids, at least one), in the order of the prompts.
 *
 * Each token is drawn by inverse CDF with the next uniform draw of `random(seed, ...purpose, name of the prompt)`: a
 * response depends on its prompt, the weights and the seed, not on what else is in the batch (but for float noise).
 * Yields to the event loop between tokens.
 */
export async function generate(model: Generator, prompts: number[][], options: GenerateOptions): Promise<Generated[]> {
  const { maxTokens, seed, purpose, draws, batch = 256 } = options;
  const all: Row[] = prompts.map((prompt, index) => ({
    prompt,
    tokens: [],
    logProbs: [],
    ended: false,
    room: Math.min(maxTokens, model.architecture.context - prompt.length),
    draw: random(seed, ...purpose, draws?.[index] ?? index).uniform,
  }));
  // Prompts of like length together: less padding.
  const waiting = all.filter((row) => row.room > 0).sort((a, b) => a.prompt.length - b.prompt.length);
  for (let start = 0; start < waiting.length; start += batch) {
    await respond(model, waiting.slice(start, start + batch), options.temperature);
  }
  return all.map(({ tokens, logProbs, ended }) => ({ tokens, logProbs, ended }));
}

/** Writes the responses of some rows side by side, until the last of them ends. */
async function respond(model: Generator, rows: Row[], temperature: number): Promise<void> {
  const longest = Math.max(...rows.map(({ prompt }) => prompt.length));
  const cache = emptyCache(rows.length);
  let active = rows;
  let scores = readPrompts(model, active, longest, cache);
  for (let written = 1; ; written++) {
    for (const [index, row] of active.entries()) {
      if (!isFinished(row)) write(row, scores.subarray(index * model.architecture.vocab), model, temperature);
    }
    const unfinished = active.flatMap((row, index) => (isFinished(row) ? [] : [index]));
    if (unfinished.length === 0) break;
    if (unfinished.length <= active.length / 2) {
      active = unfinished.map((index) => active[index] as Row);
      keepSequences(cache, unfinished);
    }
    scores = readTokens(model, active, longest, written, cache);
    await yieldToEvents();
  }
  disposeCache(cache);
}

function isFinished({ tokens, room, ended }: Row): boolean {
  return ended || tokens.length >= room;
}

/** Scores after each prompt, [rows * vocab]. Prompts end in the same column, padded on the left. */
function readPrompts(
  { architecture, parameters, eos }: Generator,
  rows: Row[],
  longest: number,
  cache: Cache,
): Float32Array {
  const tokens = Int32Array.from({ length: rows.length * longest }, () => eos);
  for (const [index, { prompt }] of rows.entries()) tokens.set(prompt, (index + 1) * longest - prompt.length);
  return readTensor(() => {
    const places = rows.map(({ prompt }) =>
      Array.from({ length: longest }, (_, t) => Math.max(0, t - longest + prompt.length)),
    );
    const options: ForwardOptions = { positions: places, mask: realTokens(rows, longest, longest), cache };
    const hidden = hiddenStates(
      architecture,
      parameters,
      tf.tensor2d(tokens, [rows.length, longest], 'int32'),
      options,
    );
    const last = hidden.slice([0, longest - 1, 0], [-1, 1, -1]) as Tensor3D;
    return logits(parameters, last);
  });
}

/** Scores after the latest token of each response, [rows * vocab]; `written` tokens each, though the finished have less. */
function readTokens(
  { architecture, parameters, eos }: Generator,
  rows: Row[],
  longest: number,
  written: number,
  cache: Cache,
): Float32Array {
  return readTensor(() => {
    const tokens = rows.map((row) => [isFinished(row) ? eos : (row.tokens.at(-1) as number)]);
    const places = rows.map(({ prompt }) => [prompt.length + written - 1]);
    const options: ForwardOptions = { positions: places, mask: realTokens(rows, longest, longest + written), cache };
    const hidden = hiddenStates(architecture, parameters, tf.tensor2d(tokens, [rows.length, 1], 'int32'), options);
    return logits(parameters, hidden);
  });
}

/** bool [rows, columns]: all but the padding on the left of prompts that end in column `longest`. */
function realTokens(rows: Row[], longest: number, columns: number): Tensor2D {
  const mask = new Uint8Array(rows.length * columns).fill(1);
  for (const [index, { prompt }] of rows.entries()) {
    mask.fill(0, index * columns, index * columns + longest - prompt.length);
  }
  return tf.tensor2d(mask, [rows.length, columns], 'bool');
}

/** Chooses the next token of a row from scores that begin with its own. */
function write(row: Row, scores: Float32Array, { architecture, eos }: Generator, temperature: number): void {
  const { vocab } = architecture;
  const sharpness = temperature > 0 ? 1 / temperature : 1;
  let best = 0;
  for (let id = 1; id < vocab; id++) if ((scores[id] as number) > (scores[best] as number)) best = id;
  const highest = scores[best] as number;
  // Sums in double precision: inverse CDF then has no gap that a draw could fall into.
  const weights = new Float64Array(vocab);
  let total = 0;
  for (let id = 0; id < vocab; id++) {
    weights[id] = Math.exp(((scores[id] as number) - highest) * sharpness);
    total += weights[id] as number;
  }
  if (!Number.isFinite(total)) {
    throw new TrainerFailure('diverged', 'The model gives scores that are not finite: training has diverged.');
  }
  const token = temperature > 0 ? inverseCdf(weights, row.draw() * total, best) : best;
  row.tokens.push(token);
  row.logProbs.push(((scores[token] as number) - highest) * sharpness - Math.log(total));
  row.ended = token === eos;
}

/** The first id up to which the weights add up to more than `target`; rounding at the very end gives `otherwise`. */
function inverseCdf(weights: Float64Array, target: number, otherwise: number): number {
  let sum = 0;
  for (let id = 0; id < weights.length; id++) {
    sum += weights[id] as number;
    if (sum > target) return id;
  }
  return otherwise;
}
