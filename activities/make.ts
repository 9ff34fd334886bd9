import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { HubError } from '../hub/errors.ts';
import type { PlanNode } from '../planner/plan.ts';
import type { DoneEvent, FailedEvent, StartedEvent, TrainerEvent } from '../schemas/types/event.ts';
import type { Attempt } from '../store/attempt.ts';
import type { Artifact } from '../store/inspect.ts';
import { holdsLease } from '../store/lease.ts';
import { adoptCheckpoint, adoption } from './adopt.ts';
import { findDamage, refuseDamaged } from './damage.ts';
import { collectEvents, removeEvents, type Said, writeEvents } from './events.ts';
import type { ExecuteOptions, Execution, Made } from './execution.ts';
import { asNodeError, NodeError } from './failures.ts';
import { isHandedIn } from './launchers/join.ts';
import { preparation, prepareData } from './prepare.ts';
import { train } from './train.ts';

/** Prepares the data, adopts the model or runs the trainer, unless an execution before this one got to the end already. */
export async function bringToEnd(
  execution: Execution,
  options: ExecuteOptions,
  parents: Record<string, Artifact>,
  tries: number,
): Promise<Made> {
  const { node, attempt } = execution;
  const { env = process.env } = options;
  if (node.type === 'data') {
    const { cancellationSignal: signal } = execution.context;
    return await recorded(execution, preparation, () => prepareData(node, attempt, { env, signal }));
  }
  if (node.type === 'adopt') return await recorded(execution, adoption, () => adopt(node, execution, options.env));
  const joins = isHandedIn(attempt);
  // Of a job that is joined, all is followed that its newest execution says.
  const before =
    attempt.executions === 1 && !joins
      ? {}
      : await collectEvents(attempt.folder, joins ? { before: attempt.executions } : {});
  // Not more often than twice: should what it left be unfit to publish, the trainer has to make it anew.
  if (joins || tries > 2 || !isComplete(before, attempt.folder)) return await train(execution, options, parents);
  refuseDamaged(execution, await findDamage(parents, execution.context.cancellationSignal));
  return { started: before.started, done: before.last };
}

/** Does what no trainer does. Where that fails, the record of the attempt says so, as one that a trainer left would. */
async function recorded(
  { node, attempt, context }: Execution,
  started: StartedEvent,
  make: () => Promise<Made>,
): Promise<Made> {
  removeEvents(attempt.folder);
  try {
    return await make();
  } catch (error) {
    if (context.cancellationSignal.aborted) throw error;
    const { kind, message } = asNodeError(error);
    recordFailure(attempt, [started, { event: 'failed', kind: kind as FailedEvent['kind'], message, step: 0 }]);
    throw error instanceof NodeError || error instanceof HubError
      ? new NodeError(kind, `${node.address}: ${message}`)
      : error;
  }
}

/** Steps are megabytes there. */
function adopt(
  node: Extract<PlanNode, { type: 'adopt' }>,
  { attempt, context, progress }: Execution,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Made> {
  progress.phase = 'running';
  return adoptCheckpoint(node, attempt, {
    env,
    signal: context.cancellationSignal,
    onProgress(there, all) {
      Object.assign(progress, { step: Math.floor(there / 1e6), steps: Math.ceil(all / 1e6) });
    },
  });
}

function recordFailure({ folder, leasePath, token }: Attempt, events: TrainerEvent[]): void {
  if (!holdsLease(leasePath, token)) return;
  try {
    writeEvents(folder, events);
  } catch {
    // The disk may be what it failed for: whoever follows the lineage is told all the same.
  }
}

function isComplete(said: Said, folder: string): said is { started: StartedEvent; last: DoneEvent } {
  if (said.started === undefined || said.last?.event !== 'done') return false;
  return said.last.model === null || existsSync(join(folder, said.last.model));
}
