/** What whoever prepares multiple-choice items and whoever scores models by them have in common. */

/**
 * An item of a cloze task, a line of `choices.jsonl`: the choice that a model finds likeliest is its answer. Of most tasks the
 * contexts are all the same; under partial scoring (Winogrande) the continuations are.
 */
export interface ChoiceItem {
  id: string;
  choices: Choice[];
  /** Which of them is right, from 0. */
  gold: number;
}

export interface Choice {
  /** What stands before it, without a space at its end. */
  context: string;
  /** What the model is asked the likelihood of, without the space before it. */
  continuation: string;
}

/**
 * What an item asks, for whoever compares it with problems: its context without what lm-evaluation-harness puts around a
 * question (`Question: …\nAnswer:`, `Q: …\nA:`). Under partial scoring, where contexts differ, the whole of the right one.
 */
export function questionOf({ choices, gold }: ChoiceItem): string {
  const { context, continuation } = choices[gold] as Choice;
  if (choices.some((choice) => choice.context !== context)) return `${context}${choiceDelimiter}${continuation}`;
  return context.replace(/^(?:Question|Q): */, '').replace(/\s*\n(?:Answer|A):$/, '');
}

/** What stands between context and continuation: lm-evaluation-harness's `target_delimiter`. */
export const choiceDelimiter = ' ';
