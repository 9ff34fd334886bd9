/**
 * Figures of an evaluation: of held-out loss, and of graded responses. All of these have Wilson intervals: greedy
 * ones are proportions of problems; sampled ones are means over problems, for the number of trials that their spread is
 * worth, because the samples of a problem are not independent of one another.
 */
import type { EvaluationEvent } from '../schemas/types/event.ts';
import { type Scored, scoreAuc, scoreCorrelation } from './association.ts';
import type { Problem } from './data/problem.ts';
import type { Response } from './response.ts';
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

/** Estimates by the name of their metric. */
export type Figures = Record<string, Estimate>;

/** The figures of a task of a suite as events. */
export function figureEvents(suite: string, task: string, figures: Figures): EvaluationEvent[] {
  return Object.entries(figures).map(([metric, estimate]) => ({
    ...{ event: 'evaluation', suite, task, metric },
    ...estimate,
  }));
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
