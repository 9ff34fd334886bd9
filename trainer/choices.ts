/** The answers of a model to items with choices, of the log-likelihoods that it gives them. */
import { type Choice, type ChoiceItem, choiceDelimiter } from '../schemas/choices.ts';
import type { SampleEvent } from '../schemas/types/event.ts';
import type { Figures } from './figures.ts';
import { exactly, proportion } from './statistics.ts';

/** An item and the log-likelihood of each of its choices. */
export interface ScoredItem {
  item: ChoiceItem;
  logLikelihoods: readonly number[];
}

/** The choice that is the answer by its likelihood: the first of those that are equally likely. */
export function likeliest({ logLikelihoods }: ScoredItem): number {
  return best(logLikelihoods);
}

/** An item's answer as an event: the continuations are numbered from 0, and the likeliest is what the model says. */
export function choiceEvent(task: string, scored: ScoredItem): SampleEvent {
  const { item, logLikelihoods } = scored;
  const chosen = likeliest(scored);
  const { context, continuation } = item.choices[chosen] as Choice;
  return {
    event: 'sample',
    task,
    problem: item.id,
    step: 0,
    index: 0,
    prompt: context,
    response: choiceDelimiter + continuation,
    answer: String(chosen),
    expected: String(item.gold),
    correct: chosen === item.gold,
    logLikelihoods: [...logLikelihoods],
  };
}

/**
 * The figures of a task: the share of items of which the likeliest choice is the right one, by likelihood (`acc`), by
 * likelihood per character of the choice (`acc_norm`) and per byte of it (`acc_bytes`), the harness's names; what always
 * taking the commonest place of the right choice would score (`majority`), and what guessing would (`chance`).
 */
export function clozeFigures(scored: readonly ScoredItem[]): Figures {
  const n = scored.length;
  const accuracy = (lengthOf: (continuation: string) => number) =>
    proportion(
      scored.filter(({ item: { choices, gold }, logLikelihoods }) => {
        const lengths = choices.map(({ continuation }) => lengthOf(continuation));
        return best(logLikelihoods.map((value, i) => value / (lengths[i] as number))) === gold;
      }).length,
      n,
    );
  const golds = new Map<number, number>();
  for (const { item } of scored) golds.set(item.gold, (golds.get(item.gold) ?? 0) + 1);
  return {
    acc: accuracy(() => 1),
    acc_norm: accuracy((continuation) => [...continuation].length),
    acc_bytes: accuracy((continuation) => Buffer.byteLength(continuation)),
    majority: proportion(Math.max(...golds.values()), n),
    chance: exactly(scored.reduce((sum, { item }) => sum + 1 / item.choices.length, 0) / n, n),
  };
}

function best(values: readonly number[]): number {
  return values.indexOf(Math.max(...values));
}
