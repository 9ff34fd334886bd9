import type { PlanNode } from '../planner/plan.ts';
import { deviceFailure } from '../schemas/device-failures.ts';
import { NodeError } from './failures.ts';
import type { TrainerEnd } from './trainer.ts';

/**
 * What went wrong, of a trainer that ended without `done`. `memoryRanOut`: the kernel killed for want of it meanwhile.
 * `diskRanOut`: there is no room for events, or half of one was left.
 */
export function errorOf(
  node: PlanNode,
  { said: { last }, code, signal, lastLines, byCluster }: TrainerEnd,
  { memoryRanOut, diskRanOut }: { memoryRanOut: boolean; diskRanOut: boolean },
): NodeError {
  const { address } = node;
  if (last?.event === 'failed') return new NodeError(last.kind, `${address}: ${last.message}`, lastLines);
  if (byCluster !== undefined) return new NodeError(byCluster.kind, `${address}: ${byCluster.message}`, lastLines);
  if (last?.event === 'interrupted') {
    return new NodeError(
      'killed',
      `${address}: somebody else asked its trainer to stop, at step ${last.step}`,
      lastLines,
    );
  }
  // It could not say so itself: what it says goes to that disk.
  if (signal === null && diskRanOut) return diskFullOf(node, lastLines);
  const how = signal === null ? `exited with code ${code}` : `was killed by ${signal}`;
  if (signal === 'SIGKILL' && memoryRanOut) {
    const message = `${address}: its trainer was killed while the kernel killed processes for want of memory`;
    return new NodeError('out-of-memory', message, lastLines);
  }
  // Whoever killed it from outside had reasons that its own last words do not give. Of these the first is the cause.
  const lastWords = signal === 'SIGKILL' ? undefined : lastLines.find((line) => deviceFailure(line) !== undefined);
  if (lastWords !== undefined) {
    return new NodeError(deviceFailure(lastWords) as string, `${address}: its trainer ${how}: ${lastWords}`, lastLines);
  }
  return new NodeError('killed', `${address}: its trainer ${how} without saying why`, lastLines);
}

/** The disk has no room for what a trainer says. */
export function diskFullOf({ address }: PlanNode, lastLines: string[] = []): NodeError {
  const message = `${address}: the disk is full, and its trainer's events were cut off`;
  return new NodeError('disk-full', `${message}. Free some space: it goes on from its newest checkpoint`, lastLines);
}

/** It took longer than its placement allows. */
export function timeoutOf({ address, placement }: PlanNode): NodeError {
  const message = `${address} took longer than its timeout of ${placement.timeoutSeconds} s; its newest checkpoint is kept`;
  return new NodeError('timed-out', `${message}. Raise \`timeout\` in its placement and run again`);
}
