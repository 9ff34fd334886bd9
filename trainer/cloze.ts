/**
 * Cloze tasks, scored as lm-evaluation-harness 0.4.13 does (api/task.py, api/model.py): the log-likelihood of each choice's
 * continuation after its context, and the likeliest choice as the answer. Zero-shot, without a chat template.
 */
import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import { type Choice, choiceDelimiter } from '../schemas/choices.ts';
import type { Architecture } from '../schemas/types/job.ts';
import { predictedLogProbs } from './evaluate.ts';
import { TrainerFailure } from './failure.ts';
import { capture } from './graph/capture.ts';
import type { Parameters } from './parameters.ts';
import { paddedTime } from './shapes.ts';
import { readTensor, tf } from './tf.ts';
import type { Tokenizer } from './tokenizer/load.ts';

/** A choice in tokens: all of them, of which the last `scored` are the continuation's. */
export interface EncodedChoice {
  tokens: number[];
  scored: number;
}

/**
 * A choice in tokens as the harness has them. Spaces at the context's end go to the continuation; both are tokenized as one
 * text, of which the continuation has what comes after as many tokens as the context alone makes; and what is longer than
 * the model's context loses its beginning. An empty context is the token that begins texts, or else the one that ends them.
 */
export function encodeChoice(tokenizer: Tokenizer, { context, continuation }: Choice, longest: number): EncodedChoice {
  const prompt = context.trimEnd();
  const rest = context.slice(prompt.length) + choiceDelimiter + continuation;
  const before =
    prompt === '' ? [tokenizer.start[0] ?? tokenizer.eos] : [...tokenizer.start, ...tokenizer.encode(prompt)];
  const after =
    prompt === ''
      ? tokenizer.encode(rest)
      : [...tokenizer.start, ...tokenizer.encode(prompt + rest)].slice(before.length);
  const tokens = [...before, ...after].slice(-(longest + 1));
  return { tokens, scored: Math.min(after.length, tokens.length - 1) };
}

/** Choices that are scored at once: rows padded to one length, which few graphs serve. */
export interface ChoiceBatch {
  choices: readonly EncodedChoice[];
  /** Tokens of each row that are read. */
  time: number;
}

/**
 * Choices from the longest to the shortest, in batches of at most so many tokens with their padding; with them, where each
 * stands in the order that they were given in.
 */
export function choiceBatches(
  choices: readonly EncodedChoice[],
  tokensAtOnce: number,
  context: number,
): (ChoiceBatch & { places: readonly number[] })[] {
  const sorted = [...choices.keys()].sort((a, b) => lengthAt(choices, b) - lengthAt(choices, a) || a - b);
  const batches: (ChoiceBatch & { places: number[] })[] = [];
  for (let at = 0; at < sorted.length; ) {
    const time = paddedTime(lengthAt(choices, sorted[at] as number) - 1, context);
    const places = sorted.slice(at, at + Math.max(1, Math.floor(tokensAtOnce / time)));
    batches.push({ time, places, choices: places.map((place) => choices[place] as EncodedChoice) });
    at += places.length;
  }
  return batches;
}

/**
 * Gives the log-likelihoods (nats) of the continuations of a batch, with a model, as a captured function.
 *
 * @throws TrainerFailure `diverged`, from what it gives, where they are not finite
 */
export function choiceScorer(architecture: Architecture, parameters: Parameters): (batch: ChoiceBatch) => Float32Array {
  const score = capture(({ rows, weights }: { rows: Tensor2D; weights: Tensor2D }) => ({
    sums: tf.sum(tf.mul(predictedLogProbs(architecture, parameters, rows), weights), 1) as Tensor1D,
  }));
  return ({ choices, time }) => {
    const rows = new Int32Array(choices.length * (time + 1));
    const weights = new Float32Array(choices.length * time);
    for (const [i, { tokens, scored }] of choices.entries()) {
      rows.set(tokens, i * (time + 1));
      const end = i * time + tokens.length - 1;
      weights.fill(1, end - scored, end);
    }
    const sums = readTensor(
      () =>
        score({
          rows: tf.tensor2d(rows, [choices.length, time + 1], 'int32'),
          weights: tf.tensor2d(weights, [choices.length, time]),
        }).sums,
    );
    if (!sums.every(Number.isFinite))
      throw new TrainerFailure('diverged', 'The model gives scores that are not finite: training has diverged.');
    return sums;
  };
}

function lengthAt(choices: readonly EncodedChoice[], place: number): number {
  return (choices[place] as EncodedChoice).tokens.length;
}
