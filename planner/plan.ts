import type {
  Architecture,
  BuildRecipe,
  CheckpointRecipe,
  CptRecipe,
  DpoRecipe,
  EvaluateRecipe,
  GenerateRecipe,
  OverlapRecipe,
  PretrainRecipe,
  RewardRecipe,
  RlRecipe,
  SftRecipe,
  TokenizerRecipe,
  TrunkRecipe,
} from '../schemas/types/job.ts';
import type { LineageFile } from '../schemas/types/lineage.ts';

/** SHA-256 of a node's pre-image, 64 hex digits. Made only by `keyOf`. */
export type Key = string & { readonly brand: 'Key' };

/** Any JSON value. */
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** How local files become a data set: read by DuckDB, split into text or problems. Identity of a data node. */
export type DataRecipe = Preparation & {
  format: 'text' | 'jsonl' | 'parquet';
  /** Content digests of the files, in the order of `PlanNode.files`; that order is no identity. */
  digests: string[];
};

/** How rows become a data set: by their columns, or as a benchmark's rows. */
export type Preparation = ColumnPreparation | BenchmarkPreparation;

export interface ColumnPreparation {
  columns: { text: string; prompt: string; answer: string; solution: string; chosen: string; rejected: string };
  /** Share kept for held-out loss and for tests, 0 to 1. */
  heldout: number;
}

export interface BenchmarkPreparation {
  benchmark: string;
  version: number;
  prompts: 'clean' | 'paper';
}

/** Files of a repository on the Hugging Face Hub as a data set: `revision` is a commit, or `unpinned`, which nothing runs. */
export type HubDataRecipe = Preparation & {
  hub: string;
  revision: string;
  /** Paths or globs in the repository, sorted. */
  patterns: string[];
};

/** The tokenizer of a repository on the Hugging Face Hub. */
export interface HubTokenizerRecipe {
  kind: 'hub';
  hub: string;
  revision: string;
  vocab: number;
}

/** A model that was trained elsewhere: a repository on the Hub at a commit, or files by name and content, in the order of `PlanNode.files`. */
export type AdoptRecipe = ({ hub: string; revision: string } | { names: string[]; digests: string[] }) & {
  /** Longest sequence from here on, where that is less than its config.json says. */
  context?: number;
};

/** What a node does, by type: the part of its identity that a job carries to the trainer. */
export type Task =
  | { type: 'data'; recipe: DataRecipe | HubDataRecipe }
  | { type: 'tokenizer'; recipe: TokenizerRecipe | HubTokenizerRecipe }
  | { type: 'overlap'; recipe: OverlapRecipe }
  | { type: 'adopt'; recipe: AdoptRecipe }
  | { type: 'pretrain'; recipe: PretrainRecipe }
  | { type: 'cpt'; recipe: CptRecipe }
  | { type: 'trunk'; recipe: TrunkRecipe }
  | { type: 'checkpoint'; recipe: CheckpointRecipe }
  | { type: 'sft'; recipe: SftRecipe }
  | { type: 'dpo'; recipe: DpoRecipe }
  | { type: 'rl'; recipe: RlRecipe }
  | { type: 'reward'; recipe: RewardRecipe }
  | { type: 'generate'; recipe: GenerateRecipe }
  | { type: 'build'; recipe: BuildRecipe }
  | { type: 'evaluate'; recipe: EvaluateRecipe };

export type NodeType = Task['type'];

/** Where a node runs: never part of its key. */
export interface Placement {
  /** Device class, `auto` already kept as it was written. */
  device: string;
  /** Steps between checkpoints; 0: about every minute. */
  checkpointEvery: number;
  /** Longest time for one attempt, in seconds. */
  timeoutSeconds: number;
  /** Whether its backward pass computes the activations of each block again; only there where it does. */
  recomputeActivations?: boolean;
}

/** One stage (or tokenizer, data set, evaluation) with every axis fixed. */
export type PlanNode = Task & {
  key: Key;
  /** `mid@replay=20%,seed=1`; evaluations `mid@replay=20%/id`; trunks `base@tokens=2M/trunk`; tokenizers `tokenizer:words`; data `data:mine`; certificates `overlap:tuned`. Unique in a plan. */
  address: string;
  /** The declared stage it comes from; for an evaluation the stage that is evaluated, for a trunk the first that goes on from it, for tokenizers, data and certificates their address. */
  stage: string;
  /** The axes' values it depends on, as YAML reads them (`20%`, `1`, 0.00001); the address has them as the file spells them. */
  axes: Record<string, string | number>;
  seed: number;
  /** Keys it needs, by role: `parent`, `tokenizer`, `trunk`, `rewardModel`, `data:mine`. All come earlier in the plan. */
  parents: Record<string, Key>;
  /** Steps that its trunk, or its run's checkpoint, has done before it; not there without one. No part of the key: the result is the same. */
  startsAt?: number;
  /** The lowest attempt that will do, where it is run again though it is done; any will, without. No part of the key. */
  attempt?: number;
  /** Keys of what has to be done before it may begin and is no part of its identity: `overlap`. They come earlier, too. */
  gates?: Record<string, Key>;
  /** Canonical JSON of this hashes to `key`. */
  preimage: { [name: string]: Json };
  /** Absolute paths of the files that a data node reads, or one that adopts a folder; empty for all others. Placement: only their digests are identity. */
  files: string[];
  placement: Placement;
  /** Shape of the model after this node (for evaluations: of the model evaluated); null for data, tokenizers and certificates. */
  architecture: Architecture | null;
  /** Shape of the reward model that scores its responses; only there where one does. */
  judge?: Architecture;
  /** Recipe as the person wrote it, resolved and with defaults: what `lineage_wide` shows, flat. */
  settings: Record<string, string | number | boolean | null>;
  /** Where the file accepts an artifact for it: `key` and `preimage` are the artifact's, and nothing else. */
  accepted?: Acceptance;
};

/** Why an artifact stands for a node whose declaration has another key. */
export interface Acceptance {
  reason: string;
  /** What the node would be without it. */
  instead: { key: Key; preimage: { [name: string]: Json } };
}

/** A lineage with every axis expanded and every node keyed: nodes in topological order, parents first. */
export interface Plan {
  plan: 1;
  lineage: string;
  title: string | null;
  /** Absolute path of the lineage file. */
  file: string;
  axes: Record<string, { values: (string | number)[]; replicate: boolean }>;
  /** What the file says, as YAML reads it: what a person changed is named in its words. */
  declared: LineageFile;
  nodes: PlanNode[];
}
