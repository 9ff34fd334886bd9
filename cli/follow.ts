import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Key, Plan, PlanNode } from '../planner/plan.ts';
import { latestCheckpoint } from '../store/checkpoint.ts';
import { attemptFolder, attemptNumbers } from '../store/home.ts';
import { duration } from '../words/figures.ts';
import type { NodeState } from '../workflows/schedule.ts';
import { CommandError } from './failure.ts';
import {
  type LineageEnd,
  type LineageHandle,
  lineageEnd,
  lineageHandle,
  lineageStatus,
  type NodeLook,
  type NodeStatus,
  progressOf,
} from './lineages.ts';
import { readNodeResult } from './node-figures.ts';
import { watchQueues } from './queues.ts';
import { remedyFor } from './remedies.ts';
import type { RunEvent } from './render/run-event.ts';
import type { Session } from './session.ts';

/** Between two looks at a lineage. */
const lookEveryMs = 1000;
/** Running nodes whose progress is asked for with every look, each by a call to the server; more than a screen shows. */
const mostAsked = 16;
/** How long a server or worker may be silent before a person is told; then twice as long, and so on. */
const patienceSeconds = 15;
/** How long the home's own may be silent before it is given up. */
const hostPatienceSeconds = 600;

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
 * is waited for, and the home's own is started again; it is given up when it stays silent for minutes.
 */
export async function followLineage(session: Session, following: Following): Promise<LineageEnd | { state: 'left' }> {
  const { plan, planDigest, report, signal } = following;
  const watch = watchNodes(following);
  const silence = watchSilence(session, following);
  while (!signal.aborted) {
    const handle = lineageHandle(session.client, plan, planDigest);
    const lost = new AbortController();
    // Aborted with either, so that no wait is left on a connection that nobody follows the lineage on any more.
    const over = AbortSignal.any([signal, lost.signal]);
    // Temporal's client listens once for each of its calls, one a minute, and never stops: Node would warn of it.
    setMaxListeners(0, over);
    // No race with its end: each would leave something in it, for as long as the lineage takes.
    const settled = new AbortController();
    let end: LineageEnd | undefined;
    void session.client
      .withAbortSignal(over, () => lineageEnd(handle))
      .then(
        (found) => {
          end = found;
        },
        () => lost.abort(),
      )
      .finally(() => settled.abort());
    while (!lost.signal.aborted && !signal.aborted) {
      await sleep(lookEveryMs, undefined, { signal: settled.signal }).catch(() => undefined);
      // What was seen before the end is not the end.
      const ended = end;
      const seen = await look(handle, plan).catch((error: unknown) => ({ error }));
      if ('error' in seen) {
        // A host that was killed is started again at once; it starts its server and worker again by itself.
        if ((await session.host?.ensure()) === true || silence.goesOn(seen.error)) lost.abort();
      } else {
        silence.ends();
        await watch(seen.nodes, seen.progress);
        report({ event: 'counts', counts: seen.counts });
      }
      if (ended) return ended;
    }
    if (signal.aborted) break;
    await sleep(lookEveryMs);
    await session.reconnect().catch(silence.goesOn);
  }
  return { state: 'left' };
}

async function look(handle: LineageHandle, plan: Plan) {
  const { counts, nodes } = await lineageStatus(handle, plan);
  const running = nodes.filter(({ state }) => state === 'running');
  return { counts, nodes, progress: await progressOf(handle, running.slice(0, mostAsked)) };
}

/** Tells a person, less and less often, that nobody answers. */
function watchSilence({ host, address }: Session, { report, clock }: Following) {
  let since: number | null = null;
  let patience = patienceSeconds;
  return {
    ends(): void {
      since = null;
      patience = patienceSeconds;
    },
    /** True where it lasts so long that connecting anew is worth a try. Throws where the home's own server is silent for good. */
    goesOn(error: unknown): boolean {
      since ??= clock();
      const silent = clock() - since;
      if (host !== null && silent > hostPatienceSeconds) {
        const message = `the Temporal server and worker of this home have not answered for ${duration(silent)}`;
        throw new CommandError(
          message,
          'their logs are in the home, below logs/; `descent run` starts them again',
          error,
        );
      }
      if (silent < patience) return false;
      patience *= 2;
      const where = host === null ? `Temporal at ${address}, or its worker,` : 'the Temporal server or the worker';
      report({ event: 'notice', text: `${where} has not answered for ${duration(Math.round(silent))}; still waiting` });
      return true;
    },
  };
}

/** Compares each look with the one before, and tells what has become of each node since. */
function watchNodes({ home, plan, report, clock, pending }: Following) {
  const states = new Map<Key, NodeState>();
  const begun = new Map<Key, number>();
  const tries = new Map<Key, number>();
  const tellQueued = watchQueues(report);
  return async (nodes: readonly NodeStatus[], progress: ReadonlyMap<Key, NodeLook>): Promise<void> => {
    const blocked: string[] = [];
    for (const { index, key, address, state, reason, failure } of nodes) {
      const node = plan.nodes[index] as PlanNode;
      const now = progress.get(key);
      if (state === 'running' && now !== undefined && now.phase !== 'queued') {
        if (!begun.has(key)) {
          begun.set(key, clock());
          report({ event: 'started', address, key, type: node.type });
        }
        if (now.failed && now.failed.tries > (tries.get(key) ?? 0)) {
          tries.set(key, now.failed.tries);
          const failed = { ...now.failed, reason: withoutAddress(now.failed.reason, address) };
          report({ event: 'retried', address, key, step: checkpointOf(home, key), failed });
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
        const why = withoutAddress(reason ?? 'its workflow says why, in the Temporal UI', address);
        report({
          event: 'failed',
          address,
          key,
          kind,
          reason: why,
          lastLines: failure?.lastLines ?? [],
          remedy: remedyFor(kind, node.type),
        });
      }
      if (state === 'blocked') blocked.push(address);
    }
    if (blocked.length > 0) report({ event: 'blocked', addresses: blocked });
    tellQueued(nodes, progress);
  };
}

/** Step of the checkpoint that the newest attempt goes on from; 0 where there is none. */
function checkpointOf(home: string, key: Key): number {
  const newest = attemptNumbers(home, key)[0];
  return newest === undefined ? 0 : (latestCheckpoint(attemptFolder(home, key, newest))?.step ?? 0);
}

/** Messages begin with the address, which is shown anyway. */
function withoutAddress(message: string, address: string): string {
  return message.replace(`${address}: `, '');
}
