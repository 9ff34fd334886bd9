import { defineQuery, defineSignal } from '@temporalio/workflow';

/*
 * What workflows, activities and clients say to each other. Names are part of histories: they may be added to, never
 * changed.
 */

/** How a lineage runs. Placement, frozen when it is started; handed on to its nodes. */
export interface RunSettings {
  /** First part of the task queues. */
  queue: string;
  /** Queue of the writer to the DuckDB that the results go into, where that is another than follows from `queue`. */
  results?: string;
  /** Nodes in flight at once, at most `widestWindow`. */
  window: number;
  heartbeatSeconds: number;
  /** The device class that `auto` stands for. */
  device: string;
  /** Whether the namespace has Descent's search attributes. */
  searchAttributes: boolean;
}

export interface LineageInput {
  /** Name of the lineage, for people. */
  lineage: string;
  planDigest: string;
  /** Nodes in the plan. */
  total: number;
  settings: RunSettings;
  /** What the run before this one left, when it continued as new. */
  carried?: CarriedLineage;
}

export interface CarriedLineage {
  /** One letter a node: see `Schedule`. */
  states: string;
  failures: Record<number, NodeFailure>;
  /** Why results could not be stored, where that has happened. */
  unwritten?: NodeFailure;
  /** Whether the plan, or results of nodes that have ended, may be missing in DuckDB: all is asked for again. */
  behind?: boolean;
  paused: boolean;
  failFast: boolean;
}

export interface NodeInput {
  planDigest: string;
  /** Place in the plan. */
  index: number;
  address: string;
  /** Device class, never `auto`. */
  device: string;
  timeoutSeconds: number;
  /** Temporal's: of what waits for a device, the lowest number goes first. From 1 to 5. */
  priority: number;
  settings: RunSettings;
}

/** Trains one node for all lineages that hold it; `workflows/node.ts` says how. */
export type NodeWorkflow = (input: NodeInput) => Promise<NodeOutcome>;

/** How a node ended. */
export type NodeOutcome =
  | { state: 'done'; attempt: number }
  | { state: 'failed'; failure: NodeFailure }
  | { state: 'cancelled' };

/** A node of a lineage that has ended. */
export interface NodeEnd {
  /** Its place in the lineage's plan. */
  index: number;
  outcome: NodeOutcome;
}

/** Why a node failed for good. */
export interface NodeFailure {
  /** `diverged`, `bad-data`, `killed`, `timed-out`, ... */
  kind: string;
  message: string;
  /** The last lines that the trainer wrote on standard error. */
  lastLines: string[];
}

/** A node as far as the lineage workflow has to know it. */
export interface PageNode {
  address: string;
  /** `workflow`: a training node, shared with other lineages. `activity`: a short one. */
  runsAs: 'workflow' | 'activity';
  /** Device class, never `auto`. */
  device: string;
  timeoutSeconds: number;
  /** As in `NodeInput`. */
  priority: number;
  /** Places in the plan of its parents and of what else it waits for, all before its own. */
  parents: number[];
  /** Whether the store has it already, or it is a trunk that nothing needs any more. */
  published: boolean;
}

/** Part of a plan: nodes from `from` on. */
export interface Page {
  from: number;
  nodes: PageNode[];
}

/** How far a running node is: the details of its activity's heartbeat. */
export interface NodeProgress {
  /**
   * `waiting`: another execution of the same node still runs. `queued`: its job waits in its cluster's queue. `fetching`: what it
   * starts from comes from the object storage. `saving`: it was asked to stop. `uploading`: what it made goes there. `paused`:
   * no activity has it.
   */
  phase: 'waiting' | 'queued' | 'starting' | 'fetching' | 'running' | 'saving' | 'publishing' | 'uploading' | 'paused';
  /** Of a job that is queued: why, where its cluster says. */
  queue?: QueueReason;
  /** Attempt; 0 until it has begun. */
  attempt: number;
  step: number;
  steps: number;
  tokensPerSecond: number;
  secondsLeft: number;
  /** The newest metrics. */
  values: Record<string, number>;
}

/** Why a job waits in its cluster's queue. */
export interface QueueReason {
  /** The cluster's own word for it: `QOSMaxJobsPerUserLimit`, `ImagePullBackOff`. */
  reason: string;
  /** What the cluster says besides; empty where that is nothing. */
  message: string;
  /** `ordinary`: its turn comes. `notable`: a person may want to mend it. `stuck`: somebody has to, as no waiting does. */
  weight: 'ordinary' | 'notable' | 'stuck';
}

/** How a lineage stands. */
export interface LineageStatus {
  counts: LineageCounts;
  /** One letter a node, by place in the plan: see `Schedule`. */
  states: string;
  /** By place in the plan; at most `mostFailures` of them. */
  failures: Record<number, NodeFailure>;
  /** Whether results of nodes that have ended are still on their way into DuckDB. */
  unwritten: boolean;
  /** `paused`: it starts nothing and holds nothing, until it is told to go on; `pausing`: it is letting go. */
  pace: 'going' | 'pausing' | 'paused';
}

export interface LineageCounts {
  waiting: number;
  running: number;
  done: number;
  reused: number;
  failed: number;
  blocked: number;
}

/** Failures that a lineage keeps in its state, so that it stays small; all of them are in their own histories. */
export const mostFailures = 50;

/** To a node: that lineage needs it. Asking again changes nothing. */
export const holdSignal = defineSignal<[{ lineage: string; index: number }]>('hold');
/** To a node: that lineage no longer needs it. A node that nobody needs is stopped. */
export const releaseSignal = defineSignal<[{ lineage: string }]>('release');
/** To a lineage: nodes that it holds have ended. */
export const nodesFinishedSignal = defineSignal<[NodeEnd[]]>('nodesFinished');
/**
 * To a lineage, with its start and whenever it is joined: look into the store again, try again what failed, and go on
 * where it is paused. With `failFast` the first failure ends it.
 */
export const resumeSignal = defineSignal<[{ failFast: boolean }]>('resume');
/** To a lineage: start nothing, and let go of what runs. To a node: save a checkpoint and free the device. */
export const pauseSignal = defineSignal('pause');
/** To a lineage or a node: go on. */
export const unpauseSignal = defineSignal('unpause');
/** Of a node: ids of the lineages that need it. Its answer comes after the effects of all signals sent before it. */
export const holdersQuery = defineQuery<string[]>('holders');
/** Of a lineage. */
export const statusQuery = defineQuery<LineageStatus>('status');
/** Of a node: whether it was paused, and waits for `unpause`. */
export const pausedQuery = defineQuery<boolean>('paused');
