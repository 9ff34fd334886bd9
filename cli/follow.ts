import { setTimeout as sleep } from 'node:timers/promises';
import type { Key, Plan, PlanNode } from '../planner/plan.ts';
import type { NodeProgress } from '../workflows/messages.ts';
import type { NodeState } from '../workflows/schedule.ts';
import {
  type LineageEnd,
  type LineageHandle,
  lineageEnd,
  lineageHandle,
  lineageStatus,
  type NodeStatus,
  progressOf,
} from './lineages.ts';
import { readNodeResult } from './node-figures.ts';
import { remedyFor } from './remedies.ts';
import type { RunEvent } from './render/run-event.ts';
import type { Session } from './session.ts';

/** Between two looks at a lineage. */
const lookEveryMs = 1000;
/** Running nodes whose progress is asked for at once; far more than a machine runs. */
const mostAsked = 50;
/** How long a server or worker may be silent before a person is told. */
const patienceSeconds = 15;

/** What is followed, and where to tell of it. */
export interface Following {
  home: string;
  plan: Plan;
  planDigest: string;
  report: (event: RunEvent) => void;
  /** Seconds. */
  clock: () => number;
  /** Nodes that will run: others were done before and are not told of. */
  pending: ReadonlySet<Key>;
  /** Ends the following; the lineage goes on. */
  signal: AbortSignal;
}

/**
 * Follows a lineage workflow to its end and reports what happens to its nodes. A server or worker that dies on the way
 * is waited for, and the home's own is started again.
 */
export async function followLineage(session: Session, following: Following): Promise<LineageEnd | { state: 'left' }> {
  const { plan, planDigest, report, signal } = following;
  const watch = watchNodes(following);
  while (!signal.aborted) {
    const handle = lineageHandle(session.client, plan, planDigest);
    const look = async (): Promise<void> => {
      const status = await lineageStatus(handle, plan);
      const running = status.nodes.filter(({ state }) => state === 'running');
      await watch(status.nodes, await progressOf(handle, running.slice(0, mostAsked)));
      report({ event: 'counts', counts: status.counts });
    };
    const end = await lookUntilTheEnd(handle, look, following);
    if (end !== 'lost') return end;
    if (!signal.aborted) await reconnect(session, report);
  }
  return { state: 'left' };
}

/** Looks again and again; `lost` where the server or its worker does not answer any more. */
async function lookUntilTheEnd(
  handle: LineageHandle,
  look: () => Promise<void>,
  { clock, report, signal }: Following,
): Promise<LineageEnd | 'lost'> {
  const ended = lineageEnd(handle).catch((): 'lost' => 'lost');
  let heard = clock();
  while (!signal.aborted) {
    const end = await Promise.race([ended, sleep(lookEveryMs)]);
    try {
      await look();
      heard = clock();
    } catch (error) {
      // After its end nobody has to answer any more; before it, the worker may be starting again.
      if (end === undefined && clock() - heard > patienceSeconds) {
        report({ event: 'notice', text: `no answer for ${patienceSeconds} s, still waiting: ${messageOf(error)}` });
        return 'lost';
      }
    }
    if (end !== undefined) return end;
  }
  return 'lost';
}

async function reconnect(session: Session, report: (event: RunEvent) => void): Promise<void> {
  try {
    await session.reconnect();
  } catch (error) {
    // The home's own server failed for good: waiting would not help. Another may come back.
    if (session.host !== null) throw error;
    report({ event: 'notice', text: messageOf(error) });
    await sleep(lookEveryMs * 5);
  }
}

/** Compares each look with the one before, and tells what has become of each node since. */
function watchNodes({ home, plan, report, clock, pending }: Following) {
  const states = new Map<Key, NodeState>();
  const begun = new Map<Key, number>();
  return async (nodes: readonly NodeStatus[], progress: ReadonlyMap<Key, NodeProgress>): Promise<void> => {
    const blocked: string[] = [];
    for (const { index, key, address, state, reason, failure } of nodes) {
      const node = plan.nodes[index] as PlanNode;
      const now = progress.get(key);
      if (state === 'running' && now !== undefined) {
        if (!begun.has(key)) {
          begun.set(key, clock());
          report({ event: 'started', address, key, type: node.type });
        }
        report({ event: 'progress', address, ...now });
      }
      const before = states.get(key);
      states.set(key, state);
      if (before === state) continue;
      if ((state === 'done' || state === 'reused') && pending.has(key)) {
        const { figures, seconds } = await readNodeResult(home, node);
        const took = seconds ?? (begun.has(key) ? clock() - (begun.get(key) ?? 0) : 0);
        report({ event: 'finished', address, key, seconds: took, figures });
      }
      if (state === 'failed') {
        const kind = failure?.kind ?? 'unknown';
        // Messages begin with the address, which is shown anyway.
        const why = reason?.replace(`${address}: `, '') ?? 'its workflow says why, in the Temporal UI';
        report({
          event: 'failed',
          address,
          key,
          kind,
          reason: why,
          lastLines: failure?.lastLines ?? [],
          remedy: remedyFor(kind),
        });
      }
      if (state === 'blocked') blocked.push(address);
    }
    if (blocked.length > 0) report({ event: 'blocked', addresses: blocked });
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
