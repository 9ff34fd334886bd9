import type { NodeType } from '../../planner/plan.ts';
import type { Outcome } from '../../words/outcome.ts';
import type { LineageCounts, QueueReason } from '../../workflows/messages.ts';
import type { FailedTry, NodeLook } from '../lineages.ts';

/** Everything that `descent run` has to tell: shown on a terminal, as plain lines, or as JSON lines. */
export type RunEvent =
  /** The file was read and compared with what is done. The first event. */
  | { event: 'planned'; lineage: string; title: string | null; nodes: number; pending: number; total: string }
  /** A Temporal server was found or started; not sent when nothing is to run. */
  | { event: 'connected'; address: string; uiAddress: string | null; workflowId: string }
  /** A node is being worked on. */
  | { event: 'started'; address: string; key: string; type: NodeType }
  /** How far a running node is; about one a second. */
  | ({ event: 'progress'; address: string } & Progress)
  /** A try at a node failed, and another follows: from the checkpoint at `step`, 0 for from its beginning. */
  | { event: 'retried'; address: string; key: string; step: number; failed: FailedTry }
  /** How the lineage stands as a whole; sent when it changes. */
  | { event: 'counts'; counts: LineageCounts }
  /** A node is done; `figures` are its last metrics, its facts or its evaluations. `seconds` since it was seen started. */
  | { event: 'finished'; address: string; key: string; seconds: number; figures: Figure[] }
  /** A node failed for good: why, the last lines it wrote, what to do. */
  | ({ event: 'failed' } & NodeFailed)
  /** Nodes that will not run, since one before them failed. */
  | { event: 'blocked'; addresses: string[] }
  /** Something a person should know while it goes on: nobody answers, nobody serves a queue, a cluster starts no job. */
  | { event: 'notice'; text: string }
  /** Ctrl-C was pressed once: checkpoints are being saved. */
  | { event: 'stopping' }
  /** What came out, as far as it was evaluated, and what that says of the file's takeaways. */
  | ({ event: 'summary' } & Outcome)
  /** The last event. */
  | { event: 'ended'; outcome: RunOutcome; reason: string | null; seconds: number; next: string[] };

/** How a run ended; `left`: interrupted here, while another command goes on with it. */
export type RunOutcome = 'done' | 'failed' | 'interrupted' | 'left';

/** How far a node is. */
export interface Progress {
  phase: NodeLook['phase'];
  step: number;
  steps: number;
  tokensPerSecond: number;
  secondsLeft: number;
  /** The newest metrics, by name. */
  values: Record<string, number>;
  /** Where a try of it has failed. */
  failed?: FailedTry;
  /** Of a job that waits in its cluster's queue: why. */
  queue?: QueueReason;
}

/** A node that failed for good. */
export interface NodeFailed {
  address: string;
  key: string;
  kind: string;
  reason: string;
  lastLines: string[];
  remedy: string;
}

/** One figure of a finished node. */
export interface Figure {
  /** `loss`, `pass@1`, `vocab`. */
  name: string;
  value: number;
  /** Whether it is a share from 0 to 1. */
  share: boolean;
}

/** Who shows events. `close` leaves the terminal as a person expects it; nothing may be reported after it. */
export interface Reporter {
  report(event: RunEvent): void;
  close(): void;
}
