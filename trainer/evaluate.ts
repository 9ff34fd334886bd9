/**
 * Scoring of a model: held-out loss of text, and figures of graded responses. All of these have Wilson intervals: greedy
 * ones are proportions of problems; sampled ones are means over problems, for the number of trials that their spread is
 * worth, because the samples of a problem are not independent of one another.
 */
import type { Tensor2D } from '@tensorflow/tfjs-node';
import { outputMatrix } from '../schemas/llama.ts';
import type { Architecture } from '../schemas/types/job.ts';
import { type Scored, scoreAuc, scoreCorrelation } from './association.ts';
import type { Problem } from './data/problem.ts';
import { capture } from './graph/capture.ts';
import { hiddenStates } from './model.ts';
import { outputLogProbs } from './ops.ts';
import type { Parameters } from './parameters.ts';
import type { Response } from './respond.ts';
import {
  type Cluster,
  clusteredMean,
  type Estimate,
  exactly,
  meanScore,
  proportion,
  unweightedMean,
} from './statistics.ts';
import { bestAtK, majorityAtK, passAtK } from './subsets.ts';
import { readTensor, tf } from './tf.ts';
import type { Tokenizer } from './tokenizer/load.ts';

/** Estimates by the name of their metric. */
export type Figures = Record<string, Estimate>;

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

/** `loss` (nats a token) and `perplexity`, its exponential with the interval's ends, from the clusters of a domain. */
export function lossFigures(clusters: readonly Cluster[]): Figures {
  const loss = clusteredMean(clusters);
  return { loss, perplexity: exponential(loss) };
}

/** All responses to one problem: the greedy one, and those that were sampled. */
export interface Attempted {
  greedy: Response;
  sampled: Response[];
}

/**
 * The figures of one task, n its problems:
 *
 * - `pass@1`: share of greedy responses that are right; `truncated`: share of them that were cut
 * - what `sampledFigures` says of the sampled responses, where there are any
 * - what `scoreFigures` says of them, or of the greedy ones where none are sampled, where a reward model has scored them
 * - `majority`: what always giving the task's commonest answer would score; `chance`: what guessing among its labels
 *   would, where all of its problems have labels
 */
export function taskFigures(attempted: readonly Attempted[]): Figures {
  const share = (holds: (response: Response) => boolean) =>
    proportion(attempted.filter(({ greedy }) => holds(greedy)).length, attempted.length);
  return {
    'pass@1': share(({ correct }) => correct),
    ...sampledFigures(attempted.map(({ sampled }) => sampled)),
    ...scoreFigures(attempted.map(({ greedy, sampled }) => (sampled.length > 0 ? sampled : [greedy]))),
    truncated: share(({ ended }) => !ended),
    ...baselines(attempted.map(({ greedy }) => greedy.problem)),
  };
}

/**
 * The figures of n sampled responses to each problem, all unbiased and for every k up to n; of k = 1 the three are the same:
 *
 * - `pass@1(sampled)`: the share of all responses that is right, EvoLM's Correct Ratio without its condition
 * - `pass@k`, `maj@k`, and, where a reward model has scored all responses, `rm@k`
 * - `correctRatio`: EvoLM's Correct Ratio, the share that is right in those problems of which a response is right
 */
function sampledFigures(problems: readonly (readonly Response[])[]): Figures {
  const n = problems[0]?.length ?? 0;
  if (n === 0) return {};
  const right = problems.map((sampled) => sampled.filter(({ correct }) => correct).length);
  const scored = scoresOf(problems);
  const figures: Figures = { 'pass@1(sampled)': meanScore(right.map((count) => count / n)) };
  for (let k = 2; k <= n; k++) {
    figures[`pass@${k}`] = meanScore(right.map((count) => passAtK(n, count, k)));
    figures[`maj@${k}`] = meanScore(problems.map((sampled) => majorityAtK(sampled, k)));
    if (scored) figures[`rm@${k}`] = meanScore(scored.map((sampled) => bestAtK(sampled, k)));
  }
  const solved = right.filter((count) => count > 0);
  if (solved.length > 0) figures.correctRatio = meanScore(solved.map((count) => count / n));
  return figures;
}

/**
 * What a reward model thinks of responses, of two problems or more:
 *
 * - `orm`: the mean score, over responses and then problems, in the reward model's own units
 * - `rewardCorrelation`, `rewardAuc`: how scores go with being right (`association.ts`), where there are right ones and wrong ones
 */
function scoreFigures(problems: readonly (readonly Response[])[]): Figures {
  const scored = scoresOf(problems);
  if (scored === undefined || scored.length < 2) return {};
  const figures = {
    orm: clusteredMean(scored.map(clusterOfScores)),
    rewardCorrelation: scoreCorrelation(scored),
    rewardAuc: scoreAuc(scored),
  };
  return Object.fromEntries(
    Object.entries(figures).filter((entry): entry is [string, Estimate] => entry[1] !== undefined),
  );
}

/** The responses with their scores; undefined unless all have one. */
function scoresOf(problems: readonly (readonly Response[])[]): Scored[][] | undefined {
  const scored = problems.map((sampled) =>
    sampled.flatMap(({ reward, correct }) => (reward === undefined ? [] : [{ score: reward, correct }])),
  );
  return scored.every((some, i) => some.length === problems[i]?.length) ? scored : undefined;
}

function clusterOfScores(scored: readonly Scored[]): Cluster {
  return { sum: scored.reduce((sum, { score }) => sum + score, 0), count: scored.length };
}

/**
 * The figures of a whole suite: the unweighted mean over its tasks of each metric that all of them have. Perplexity is
 * the exponential of the mean loss.
 */
export function suiteFigures(tasks: readonly Figures[]): Figures {
  const shared = Object.keys(tasks[0] as Figures).filter((metric) => tasks.every((figures) => metric in figures));
  return Object.fromEntries(
    shared.map((metric) => {
      const mean = (name: string) => unweightedMean(tasks.map((figures) => figures[name] as Estimate));
      return [metric, metric === 'perplexity' ? exponential(mean('loss')) : mean(metric)];
    }),
  );
}

/** What a task yields without any model. */
function baselines(problems: readonly Problem[]): Figures {
  const n = problems.length;
  const counts = new Map<string, number>();
  for (const { answer } of problems) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  const majority = proportion(Math.max(...counts.values()), n);
  const labels = problems.map((problem) => problem.labels?.length ?? 0);
  if (labels.includes(0)) return { majority };
  const chance = labels.reduce((sum, choices) => sum + 1 / choices, 0) / n;
  return { majority, chance: exactly(chance, n) };
}

function exponential({ value, n, low, high }: Estimate): Estimate {
  return { value: Math.exp(value), n, low: Math.exp(low), high: Math.exp(high) };
}
