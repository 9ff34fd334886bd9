/** What the stages that learn from pairs share: pairs to learn from and to be judged by, and the figures of a judgement. */
import type { Part } from '../schemas/types/job.ts';
import { countPairTokens, type ExampleOf, encodePairs, type Pair } from './data/preferences.ts';
import { type DataFolders, heldoutPreferences, preferences } from './data/sources.ts';
import { proportion } from './statistics.ts';

/** More held-out pairs than this would only take time: the interval of an accuracy is then below ± 0.03. */
const mostHeldout = 1000;

/** What a stage is to learn from and to be judged by, in tokens. */
export interface PairSet {
  pairs: Pair[];
  heldout: Pair[];
  /** Responses to learn from that were cut. */
  truncated: number;
}

/** The first `examples` pairs of a set, and of those that are held out the first thousand. Throws as `preferences` does. */
export function readPairs(
  { source }: Part,
  examples: number,
  data: DataFolders,
  exampleOf: ExampleOf,
  longest: number,
): PairSet {
  const { pairs, truncated } = encodePairs(preferences(source, examples, data), exampleOf, longest);
  const { pairs: heldout } = encodePairs(heldoutPreferences(source, mostHeldout, data), exampleOf, longest);
  return { pairs, heldout, truncated };
}

/** What a model makes of a pair: the loss, and the reward of either response. */
export interface JudgedPair {
  loss: number;
  chosen: number;
  rejected: number;
}

/** The facts of a stage that has learned from pairs, with what is known of those that were held out. */
export function pairFacts(
  { data, epochs }: { data: Part; epochs: number },
  { pairs, truncated }: PairSet,
  heldout: Record<string, number>,
): Record<string, number> {
  return {
    pairs: pairs.length,
    truncatedResponses: truncated,
    responseTokens: countPairTokens(pairs),
    [`epochs.${data.name}`]: epochs,
    ...heldout,
  };
}

/** What is known of held-out pairs, each judged: as `heldoutMeans`. */
export function heldoutFacts(judged: readonly JudgedPair[]): Record<string, number> {
  const n = judged.length;
  if (n === 0) return heldoutMeans(n, {});
  const mean = (of: (pair: JudgedPair) => number) => judged.reduce((sum, pair) => sum + of(pair), 0) / n;
  return heldoutMeans(n, {
    loss: mean(({ loss }) => loss),
    margin: mean(({ chosen, rejected }) => chosen - rejected),
    right: judged.filter(({ chosen, rejected }) => chosen > rejected).length,
  });
}

/**
 * What is known of `n` held-out pairs: how many, their mean loss and margin, and the share in which the chosen response has
 * more reward, which are `right`, with the ends of its interval. Of none, only that.
 */
export function heldoutMeans(
  n: number,
  { loss, margin, right }: { loss?: number; margin?: number; right?: number },
): Record<string, number> {
  const accuracy = n === 0 || right === undefined ? undefined : proportion(right, n);
  return {
    heldoutPairs: n,
    ...(loss !== undefined && { heldoutLoss: loss }),
    ...(margin !== undefined && { heldoutMargin: margin }),
    ...(accuracy && {
      heldoutAccuracy: accuracy.value,
      heldoutAccuracyLow: accuracy.low,
      heldoutAccuracyHigh: accuracy.high,
    }),
  };
}
