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
  { launcher, device, from }: { launcher: Launcher; device: string; from: number },
): Promise<{ state: 'begun'; attempt: Attempt } | undefined> {
  const attempt = attemptUnderWay(home, key, { from });
  if (attempt === undefined) return undefined;
  const launched = readLaunch(attempt.folder, attempt.firstOfJob ?? attempt.executions);
  if (launched?.device !== device) return undefined;
  if (hasBegun(attempt.folder, attempt.executions)) return { state: 'begun', attempt };
  const { phase, ...state } = await launcher.look(launched.job);
  if (phase === 'unknown') {
    const words = 'words' in state ? state.words : '';
    throw new NodeError('no-cluster', `${address}: whether its job ${launched.job.name} runs is not known: ${words}`);
  }
  // The worker may have died before it handed it in.
  return phase === 'ended' ? undefined : { state: 'begun', attempt };
}

/** Whether an attempt's newest execution was handed in as a job: of one that has just begun, none was. */
export function isHandedIn({ folder, executions, firstOfJob }: Attempt): boolean {
  return readLaunch(folder, firstOfJob ?? executions) !== undefined;
}
