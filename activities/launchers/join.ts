import type { PlanNode } from '../../planner/plan.ts';
import { type Attempt, attemptUnderWay } from '../../store/attempt.ts';
import { NodeError } from '../failures.ts';
import type { Launcher } from './launcher.ts';
import { hasBegun, readLaunch } from './notes.ts';

/**
 * The attempt whose trainer waits in a queue, runs, or has ended since, as a job that an earlier worker handed in and this
 * one may follow; undefined where there is none. Throws a `no-cluster` NodeError where its cluster does not say.
 */
export async function attemptToJoin(
  home: string,
  { key, address }: Pick<PlanNode, 'key' | 'address'>,
  { launchers, device, from }: { launchers: Record<string, Launcher>; device: string; from: number },
): Promise<{ state: 'begun'; attempt: Attempt } | undefined> {
  const attempt = attemptUnderWay(home, key, { from });
  if (attempt === undefined) return undefined;
  const launched = readLaunch(attempt.folder, attempt.firstOfJob ?? attempt.executions);
  const launcher = launchers[launched?.device ?? ''];
  if (launched === undefined || launcher === undefined) return undefined;
  if (launched.device !== device) {
    // The node was moved. Should its job not hear of it, it finds that another has its lease, and trains no further.
    await launcher.end(launched.job).catch(ignoreUnanswered);
    return undefined;
  }
  if (hasBegun(attempt.folder, attempt.executions)) return { state: 'begun', attempt };
  const state = await launcher.look(launched.job);
  if (state.phase === 'unknown') {
    const message = `${address}: whether its job ${launched.job.name} runs is not known: ${state.words}`;
    throw new NodeError('no-cluster', message);
  }
  // The worker may have died before it handed it in.
  return state.phase === 'ended' ? undefined : { state: 'begun', attempt };
}

function ignoreUnanswered(error: unknown): void {
  if (!(error instanceof NodeError)) throw error;
}

/** Whether an attempt's newest execution was handed in as a job: of one that has just begun, none was. */
export function isHandedIn({ folder, executions, firstOfJob }: Attempt): boolean {
  return readLaunch(folder, firstOfJob ?? executions) !== undefined;
}
