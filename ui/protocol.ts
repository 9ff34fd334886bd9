import type { Json, Key } from '../planner/plan.ts';

/*
 * What the page and its server say to each other: JSON over HTTP, and server-sent events for what changes.
 *
 *   GET  /api/lineages                                    LineageLine[]
 *   GET  /api/lineages/NAME                               LineageView
 *   GET  /api/lineages/NAME/changes                       server-sent events, each a Change
 *   GET  /api/lineages/NAME/models                        Table
 *   GET  /api/lineages/NAME/takeaways?of=file|paper       Takeaways
 *   GET  /api/lineages/NAME/metrics?metric=&stage=&points=   Curve[]
 *   GET  /api/nodes/KEY?lineage=NAME                      NodeView
 *   GET  /api/nodes/KEY/metrics?metric=&points=           Curve[]
 *   GET  /api/nodes/KEY/samples?before=                   Sample[], newest first
 *   GET  /api/sql                                         Vocabulary
 *   POST /api/sql                                         QueryRequest -> Table
 *   POST /api/lineages/NAME/pause | unpause | cancel      Done
 *
 * NAME is percent-encoded, as a published lineage has a slash in it. Every request of /api/ carries the token
 * (`authorization: Bearer TOKEN`); what goes wrong is a Problem with a status of 4xx or 5xx.
 */

/** How a node stands, as `descent status` says it. */
export type Standing = 'waiting' | 'running' | 'done' | 'failed' | 'blocked' | 'interrupted';

/** A lineage of this home. */
export interface LineageLine {
  lineage: string;
  title: string | null;
  /** When it was run last: ISO 8601, UTC. */
  lastRun: string;
  running: boolean;
  paused: boolean;
  counts: Record<Standing, number>;
}

/** A lineage as its frozen plan has it, and how its nodes stand. */
export interface LineageView extends LineageLine {
  file: string;
  /** Digest of the plan. */
  plan: string;
  /** What a person should know of how this was found. */
  note: string | null;
  /** Temporal's own page of the workflow; null where no server is known. */
  temporal: string | null;
  /** Stages, in the plan's order. */
  groups: Group[];
  /** Nodes in topological order, by column: 10,000 of them are to be small. */
  nodes: { address: string[]; key: Key[]; group: number[]; standing: Standing[] };
  /** Which of them run, and how far they are. */
  progress: Progress[];
}

/** A stage, or where there are many a type of stage, with what it needs. */
export interface Group {
  name: string;
  type: string;
  /** Groups (by index) that it goes on from, and that it only reads. */
  from: number[];
  reads: number[];
}

/** How far a running node is. */
export interface Progress {
  /** Index in `nodes`. */
  node: number;
  /** Share done, 0 to 1; null where it is not known. */
  share: number | null;
  /** As `descent status` says it: step 120 of 600, loss 2.31, 14,200 tokens/s, 40 s left. */
  text: string;
  tokensPerSecond: number | null;
}

/** What happened since the last. A page that was away asks for the LineageView again. */
export type Change =
  | { kind: 'standings'; nodes: number[]; standing: Standing[]; counts: Record<Standing, number> }
  | { kind: 'progress'; progress: Progress[] }
  | { kind: 'points'; node: number; curves: Curve[] }
  | { kind: 'sample'; node: number; sample: Sample }
  | { kind: 'state'; running: boolean; paused: boolean; note: string | null }
  /** The plan is another one now: ask for everything again. */
  | { kind: 'replaced' };

/** A metric over the steps of a node's newest attempt, thinned to the asked number of points: means over the steps between. */
export interface Curve {
  key: Key;
  address: string;
  metric: string;
  steps: number[];
  values: (number | null)[];
}

/** A response to a problem, as a model gave it. */
export interface Sample {
  /** Counts up within the node: `before` asks for older ones. */
  at: number;
  /** RL: the step that sampled it; null of an evaluation. */
  step: number | null;
  task: string | null;
  prompt: string;
  response: string;
  answer: string | null;
  /** Whether it is right; null where nobody checks. */
  right: boolean | null;
  reward: number | null;
}

/** One node: all that `descent show` tells. */
export interface NodeView {
  address: string;
  key: Key;
  type: string;
  stage: string;
  standing: Standing;
  reason: string | null;
  /** Settings as they were resolved, a path each. */
  recipe: Record<string, Json>;
  /** Why it runs or not, as `descent why` says it. */
  why: string[];
  needs: { address: string; key: Key; role: string }[];
  neededBy: { address: string; key: Key }[];
  attempts: { attempt: number; state: string; startedAt: string; finishedAt: string | null; error: string | null }[];
  /** Metrics with a curve. */
  metrics: string[];
  facts: Record<string, Json>;
  figures: Figure[];
  /** What verdicts should be read with: not decayed, overlap, collapse. */
  marks: string[];
  temporal: string | null;
  /** The folder of the newest artifact, below the home; null where there is none. */
  folder: string | null;
}

/** A figure of an evaluation. Ends of the 95 % interval are null where there is none. */
export interface Figure {
  suite: string;
  task: string;
  metric: string;
  value: number;
  n: number | null;
  low: number | null;
  high: number | null;
}

/** Rows of a query. */
export interface Table {
  columns: { name: string; type: string }[];
  rows: Json[][];
  /** Whether there are more rows than are given. */
  cut: boolean;
}

/** Verdicts on claims. */
export interface Takeaways {
  notices: string[];
  takeaways: Takeaway[];
}

export interface Takeaway {
  number: number;
  claim: string;
  source: string | null;
  verdict: 'supported' | 'contradicted' | 'inconclusive' | 'underpowered' | 'stale' | 'not asked';
  /** Why, in a sentence. */
  reason: string;
  parts: {
    name: string;
    verdict: Takeaway['verdict'];
    effect: number | null;
    low: number | null;
    high: number | null;
    p: number | null;
    seeds: number | null;
    test: string | null;
  }[];
}

/** What SQL can name. */
export interface Vocabulary {
  tables: { name: string; kind: 'table' | 'view'; comment: string; columns: { name: string; type: string; comment: string }[] }[];
  queries: { name: string; description: string; parameters: { name: string; type: string; default: string | null; description: string }[] }[];
  functions: string[];
}

export interface QueryRequest {
  /** SQL, or the name of a saved query. */
  sql: string;
  parameters: Record<string, string | number | boolean | null>;
}

export interface Done {
  done: string;
}

/** What went wrong, and what to do. */
export interface Problem {
  error: string;
  remedy: string | null;
}
