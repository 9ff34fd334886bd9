import type { Json, Key, NodeType } from '../planner/plan.ts';
import type { FigureRow } from '../results/figure.ts';
import type { Relation } from '../results/relations.ts';
import type { TakeawayVerdict } from '../results/verdicts/verdict.ts';

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
 *   GET  /api/nodes/KEY/metrics?lineage=NAME&metric=&points=   Curve[], of all metrics where none is named
 *   GET  /api/nodes/KEY/samples?lineage=NAME&before=&limit=    Sample[], newest first
 *   GET  /api/sql                                         Vocabulary
 *   POST /api/sql                                         QueryRequest -> Table
 *   POST /api/lineages/NAME/pause | unpause | cancel      Done, when it is so
 *
 * NAME is percent-encoded, as a published lineage has a slash in it. Every request of /api/ carries the token
 * (`authorization: Bearer TOKEN`), which the page has from its own address: `#token=TOKEN`, and `&lineage=NAME` where one is
 * to be shown first. What goes wrong is a Problem with a status of 4xx or 5xx; 503 has a Retry-After in seconds. A body is
 * JSON (`content-type: application/json`).
 *
 * A page opens `changes` first and asks for the LineageView when that is open: what is told from then on is true of it, and
 * told twice does no harm.
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
  /** The axes, in the file's order; over those that only repeat, models are seeds of one setting. */
  axes: { name: string; replicate: boolean }[];
  /** Types of nodes that there are. */
  types: NodeType[];
  /**
   * Nodes in topological order, by column: 10,000 of them are to be small. `type` and `group` are indexes. Of an evaluation
   * the group is its model's, of an overlap certificate that of the first stage that waits for it.
   */
  nodes: { address: string[]; key: Key[]; type: number[]; group: number[]; standing: Standing[] };
  /** Why nodes failed, are blocked or were interrupted, by index. */
  reasons: Record<number, string>;
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
  | {
      kind: 'standings';
      nodes: number[];
      standing: Standing[];
      /** Of these nodes, those that have one. */
      reasons: Record<number, string>;
      counts: Record<Standing, number>;
    }
  /** All that run. */
  | { kind: 'progress'; progress: Progress[] }
  | ({ kind: 'points' } & Points)
  | { kind: 'sample'; node: number; sample: Sample }
  | { kind: 'state'; running: boolean; paused: boolean; note: string | null; temporal: string | null }
  /** The plan is another one now, or this page was too slow to be told all: ask for everything again. */
  | { kind: 'replaced' };

/** What a running node's curves go on with; every metric has a value for every step, null where it has none. */
export interface Points {
  node: number;
  /** Steps after this one are void, and told anew from here: it goes on from an earlier checkpoint, or as another attempt. */
  voidAfter: number | null;
  steps: number[];
  values: Record<string, (number | null)[]>;
}

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
  /** `rollout` of RL's. */
  task: string;
  problem: string;
  /** 0 is greedy; sampled responses count from 1. */
  index: number;
  prompt: string;
  response: string;
  /** What was read from the response; null where nothing was. */
  answer: string | null;
  expected: string;
  right: boolean;
  /** What decided that; null where the trainer does not say. */
  why: string | null;
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
  /** Newest first. */
  attempts: {
    attempt: number;
    /** done, imported, running, failed, interrupted or damaged. */
    state: string;
    startedAt: string | null;
    finishedAt: string | null;
    error: string | null;
  }[];
  /** Metrics with a curve. */
  metrics: string[];
  facts: Record<string, Json>;
  figures: FigureRow[];
  /** What verdicts should be read with: not decayed, overlap, collapse. */
  marks: string[];
  temporal: string | null;
  /** The folder of the newest artifact, below the home; null where there is none. */
  folder: string | null;
  /** Why the results could not be read, which have figures and what ended attempts: ask again. Null where they could. */
  unread: string | null;
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
  /** What a person should know of how they were found. */
  notices: string[];
  /** As `descent takeaways --json` has them. */
  takeaways: TakeawayVerdict[];
}

/** What SQL can name. */
export interface Vocabulary {
  tables: Relation[];
  queries: {
    name: string;
    description: string;
    parameters: { name: string; type: string; required: boolean; default: string | null; description: string }[];
  }[];
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
