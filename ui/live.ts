import type { Plan, PlanNode } from '../planner/plan.ts';
import type { Standing } from './protocol.ts';

/*
 * What the server is handed: how lineages stand now, and what may be done to them. Only the command line knows Temporal.
 */

/** The lineages of a home as they are now. */
export interface Live {
  /** Those that were run here, the newest first. */
  lineages(): Promise<LineageNow[]>;
  /** One of them; undefined where none of that name was run here. */
  lineage(name: string): Promise<LineageNow | undefined>;
  /** Temporal's own page of a node's workflow; null where it has none, or no server is known. */
  pageOf(node: PlanNode): string | null;
  /** Each gives a sentence on what was done, when it is done. Throws where nothing is to be done. */
  pause(lineage: string): Promise<string>;
  unpause(lineage: string): Promise<string>;
  cancel(lineage: string): Promise<string>;
  /** Lets go of Temporal. */
  close(): Promise<void>;
}

/** How a lineage stands. */
export interface LineageNow {
  lineage: string;
  title: string | null;
  file: string;
  /** Digest of its newest plan. */
  digest: string;
  /** That plan; kept in memory for the lineages that were asked for last. */
  plan(): Promise<Plan>;
  /** ISO 8601, UTC. */
  lastRun: string;
  running: boolean;
  paused: boolean;
  /** What a person should know of how this was found; null for nothing. */
  note: string | null;
  /** Temporal's own page of its workflow; null where no server is known. */
  temporal: string | null;
  /** In the plan's order. */
  nodes: NodeNow[];
}

/** How a node stands. */
export interface NodeNow {
  state: Standing;
  /** Why it failed, is blocked, or has to go on. */
  reason: string | null;
  /** Of a running node that the server tells of. */
  progress: { share: number | null; text: string; tokensPerSecond: number | null } | null;
}
