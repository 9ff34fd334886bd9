/**
 * What ships with Descent, by name and version: the one table that the planner checks names against and the trainer
 * implements. A version is bumped by hand when the output or the meaning changes; it is part of every key that uses it.
 */

/** One option of a generator. */
export interface GeneratorOption {
  type: 'integer' | 'number' | 'string' | 'boolean';
  default: number | string | boolean;
  description: string;
}

/** A seeded data generator: which parts it has, its version, its options. */
export interface GeneratorEntry {
  version: number;
  parts: readonly ('text' | 'problems')[];
  description: string;
  options: Readonly<Record<string, GeneratorOption>>;
}

/** The generators of data, by name. `trainer/data/` implements them. */
export const generators: Readonly<Record<string, GeneratorEntry>> = {
  stories: { version: 1, parts: ['text'], description: 'General text from a story grammar.', options: {} },
  arithmetic: {
    version: 1,
    parts: ['text', 'problems'],
    description: 'Bare sums and worked solutions; word problems with checkable answers.',
    options: {
      maximum: { type: 'integer', default: 20, description: 'Largest number in a sum or a problem.' },
      steps: { type: 'integer', default: 1, description: 'Most steps that a word problem takes.' },
    },
  },
  programs: {
    version: 1,
    parts: ['problems'],
    description: 'What does this small function return? After CRUXEval.',
    options: {},
  },
  boardgame: {
    version: 1,
    parts: ['problems'],
    description: 'Rules and facts: True, False or Uncertain. After BoardgameQA.',
    options: {},
  },
  tables: {
    version: 1,
    parts: ['problems'],
    description: 'A question about a small table. After TabMWP.',
    options: {},
  },
  strategy: {
    version: 1,
    parts: ['problems'],
    description: 'Facts, then a yes-or-no question over them. After StrategyQA.',
    options: {},
  },
};

/** The problem sets of the `ood` suite: none of them is trained on by a lineage that only uses `arithmetic`. */
export const outOfDomainTasks: readonly string[] = ['programs', 'boardgame', 'tables', 'strategy'];

/** The evaluation suites, by name. */
export const suites = ['heldout', 'id', 'ood'] as const;
export type Suite = (typeof suites)[number];

/** The version of how responses are graded: part of the key of everything that learns from grades or counts them. */
export const graderVersion = 1;

/** Versions of what each node type does. Bumped when the same recipe would give other bytes. */
export const typeVersions = {
  data: 1,
  tokenizer: 1,
  overlap: 2,
  adopt: 1,
  pretrain: 4,
  cpt: 4,
  trunk: 4,
  sft: 4,
  rl: 3,
  evaluate: 4,
} as const;
