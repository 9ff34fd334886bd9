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

/** What stands between context and continuation: lm-evaluation-harness's `target_delimiter`. */
export const choiceDelimiter = ' ';
