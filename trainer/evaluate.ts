/** Scoring of a model by held-out text. */
import type { Tensor2D } from '@tensorflow/tfjs-node';
import { outputMatrix } from '../schemas/llama.ts';
import type { Architecture } from '../schemas/types/job.ts';
import { capture } from './graph/capture.ts';
import { hiddenStates } from './model.ts';
import { outputLogProbs } from './ops.ts';
import type { Parameters } from './parameters.ts';
import type { Cluster } from './statistics.ts';
import { readTensor, tf } from './tf.ts';
import type { Tokenizer } from './tokenizer/load.ts';

/**
 * The first `tokens` + 1 tokens of documents as training has them, each with its beginning and its end, cut into rows that
 * overlap by one, so that exactly `tokens` are predicted, each from at most `context` before it. There are two rows or more,
 * because an interval needs them, unless there is but one token to predict, or none: rows are shorter than the context where
 * the text is short. Fewer tokens come back where the documents end.
 */
export function heldoutRows(
  documents: Iterable<string>,
  tokenizer: Tokenizer,
  tokens: number,
  context: number,
): Int32Array[] {
  const stream: number[] = [];
  for (const document of documents) {
    if (document === '') continue;
    stream.push(...tokenizer.start);
    for (const token of tokenizer.encode(document)) stream.push(token);
    stream.push(tokenizer.eos);
    if (stream.length > tokens) break;
  }
  const predicted = Math.min(tokens, stream.length - 1);
  const length = Math.min(context, Math.ceil(predicted / 2));
  const heldout: Int32Array[] = [];
  for (let start = 0; start < predicted; start += length) {
    heldout.push(Int32Array.from(stream.slice(start, Math.min(start + length, predicted) + 1)));
  }
  return heldout;
}

/** ln p of each token of rows [R, T] after those before it, but of the first, which is only read: [R, T - 1]. */
export function predictedLogProbs(architecture: Architecture, parameters: Parameters, rows: Tensor2D): Tensor2D {
  const [count, length] = rows.shape;
  const inputs = tf.slice(rows, [0, 0], [count, length - 1]);
  const targets = tf.slice(rows, [0, 1], [count, length - 1]);
  const states = hiddenStates(architecture, parameters, inputs).reshape([-1, architecture.hidden]) as Tensor2D;
  const output = parameters[outputMatrix] as unknown as Tensor2D;
  return outputLogProbs(states, output, targets.reshape([-1])).reshape([count, length - 1]);
}

/** Scores rows of equal length with a model, as a captured function: what they cost, a cluster a row. */
export function rowScorer(
  architecture: Architecture,
  parameters: Parameters,
): (heldout: readonly Int32Array[]) => Cluster[] {
  const score = capture(({ rows }: { rows: Tensor2D }) => ({
    sums: tf.neg(tf.sum(predictedLogProbs(architecture, parameters, rows), 1)),
  }));
  return (heldout) => {
    const stacked = () => tf.stack(heldout.map((row) => tf.tensor1d(row, 'int32'))) as Tensor2D;
    const sums = readTensor(() => score({ rows: stacked() }).sums);
    const count = (heldout[0]?.length as number) - 1;
    return Array.from(sums, (sum) => ({ sum, count }));
  };
}
