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
  parts: readonly ('text' | 'problems' | 'choices')[];
  description: string;
  options: Readonly<Record<string, GeneratorOption>>;
}

/** The generators of data, by name. `trainer/data/` implements them. */
export const generators: Readonly<Record<string, GeneratorEntry>> = {
  stories: {
    version: 1,
    parts: ['text', 'choices'],
    description: 'General text from a story grammar; which ending is the right one, after HellaSwag.',
    options: {},
  },
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
    parts: ['problems', 'choices'],
    description: 'Facts, then a yes-or-no question over them. After StrategyQA.',
    options: {},
  },
};

/** What the suite `upstream` asks of a lineage that declares no benchmarks for it. */
export const upstreamTasks: readonly string[] = ['stories', 'strategy'];

/** The problem sets of the `ood` suite: none of them is trained on by a lineage that only uses `arithmetic`. */
export const outOfDomainTasks: readonly string[] = ['programs', 'boardgame', 'tables', 'strategy'];

/** The evaluation suites, by name. */
export const suites = ['heldout', 'upstream', 'id', 'ood'] as const;
export type Suite = (typeof suites)[number];

/** A published benchmark, whose files somebody has: how it is asked, and in which suite. */
export interface BenchmarkEntry {
  /** Of what its rows are made into; part of the key of each data set of it. */
  version: number;
  part: 'choices' | 'problems';
  suite: Suite;
  description: string;
}

/** The benchmarks, by name: those of lm-evaluation-harness's tasks. `activities/benchmarks/` reads their rows. */
export const benchmarks: Readonly<Record<string, BenchmarkEntry>> = {
  hellaswag: upstream('Which sentence goes on (Zellers et al. 2019).'),
  winogrande: upstream('Whom a pronoun means, by partial scoring (Sakaguchi et al. 2019).'),
  piqa: upstream('How to do it (Bisk et al. 2019).'),
  openbookqa: upstream('Science for schools, with one fact (Mihaylov et al. 2018).'),
  arc_easy: upstream('Science for schools, the easier questions (Clark et al. 2018).'),
  arc_challenge: upstream('Science for schools, the harder questions (Clark et al. 2018).'),
  social_iqa: upstream('What people feel and do (Sap et al. 2019).'),
  gsm8k: generative('id', 'Grade-school mathematics in words (Cobbe et al. 2021).'),
  gsm8k_platinum: generative('id', 'GSM8K without its wrong labels (Vendrow et al. 2025).'),
  math: generative('id', 'Competition mathematics (Hendrycks et al. 2021).'),
  cruxeval: generative('ood', 'What a function returns (Gu et al. 2024).'),
  boardgameqa: generative('ood', 'Rules that contradict each other (Kazemi et al. 2023).'),
  tabmwp: generative('ood', 'Questions about tables (Lu et al. 2022).'),
  strategyqa: generative('ood', 'Questions with hidden steps (Geva et al. 2021).'),
};

function upstream(description: string): BenchmarkEntry {
  return { version: 1, part: 'choices', suite: 'upstream', description };
}

function generative(suite: Suite, description: string): BenchmarkEntry {
  return { version: 1, part: 'problems', suite, description };
}

/**
 * The version of how responses are graded: part of the key of everything that learns from grades or counts them. An evaluation
 * under another version grades again what was sampled under an earlier one.
 */
export const graderVersion = 2;

/** Versions of what each node type does. Bumped when the same recipe would give other bytes. */
export const typeVersions = {
  data: 1,
  tokenizer: 1,
  overlap: 3,
  adopt: 1,
  pretrain: 4,
  cpt: 4,
  trunk: 4,
  checkpoint: 1,
  sft: 4,
  dpo: 1,
  rl: 4,
  reward: 1,
  generate: 1,
  build: 1,
  evaluate: 4,
} as const;
