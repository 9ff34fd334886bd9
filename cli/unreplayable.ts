import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { describeRunning } from '../activities/holds.ts';
import { releaseSignal } from '../workflows/messages.ts';
import { grpcErrorOf } from './connect.ts';
import { ignoreGone } from './lineages.ts';

/*
 * A workflow whose history its code would not do again stands still for ever. docs/execution.md says how that comes
 * about: "When a history cannot be replayed".
 */

/** How often a worker looks for such workflows: the server names them after a few tries, which are seconds apart. */
const lookSeconds = 5;

/** How often one may begin anew while this worker lives: what comes again and again is a fault of its code. */
const mostResets = 3;

export interface Resetting {
  client: Client;
  /** Of the lineages: other programs may have workflows in the namespace. */
  taskQueue: string;
  tell(text: string): void;
  signal: AbortSignal;
}

/**
 * Until the signal is aborted, has lineages and trainings begin anew that cannot be replayed, and tells of each. What they
 * achieved is in the store, and the server gives them again whatever they were told. For one worker at a time: of two, the
 * second would reset what the first has begun. Tells so, and returns, where the server cannot name such workflows.
 */
export async function resetUnreplayable({ client, taskQueue, tell, signal }: Resetting): Promise<void> {
  const resets = new Map<string, number>();
  let told = '';
  const tellOnce = (text: string): void => {
    if (text !== told) tell(text);
    told = text;
  };
  const resetOnce = async (run: Run): Promise<void> => {
    const { workflowId } = run;
    const before = resets.get(workflowId) ?? 0;
    if (before === mostResets)
      return tellOnce(`${workflowId} stands still: it could not be replayed, though it began anew ${mostResets} times`);
    resets.set(workflowId, before + 1);
    try {
      await beginAnew(client, taskQueue, run);
      tell(`${workflowId} could not be replayed, and begins anew`);
    } catch (error) {
      tellOnce(`${workflowId} cannot be replayed, and could not begin anew: ${reason(error)}`);
    }
  };
  while (!signal.aborted) {
    try {
      for (const run of await unreplayable(client, taskQueue)) await resetOnce(run);
    } catch (error) {
      if (grpcErrorOf(error)?.code === invalidArgument)
        return tell('the server does not name workflows that cannot be replayed: reset them by hand');
      tellOnce(`could not look for workflows that cannot be replayed: ${reason(error)}`);
    }
    await sleep(lookSeconds * 1000, undefined, { signal }).catch(() => undefined);
  }
}

/** Of gRPC's codes: what a server says that does not know what a query asks for. */
const invalidArgument = 3;

/** A run of a workflow. */
interface Run {
  workflowId: string;
  runId: string;
  type: string;
}

async function unreplayable(client: Client, taskQueue: string): Promise<Run[]> {
  const types = ['lineageWorkflow', 'nodeWorkflow'];
  const problem = 'cause=WorkflowTaskFailedCauseNonDeterministicError';
  return await runningOf(client, taskQueue, types, `AND TemporalReportedProblems IN ('${problem}')`);
}

async function runningOf(client: Client, taskQueue: string, types: readonly string[], also = ''): Promise<Run[]> {
  const named = types.map((type) => `'${type}'`).join(', ');
  const query = `ExecutionStatus = 'Running' AND TaskQueue = '${taskQueue}' AND WorkflowType IN (${named}) ${also}`;
  const runs: Run[] = [];
  for await (const { workflowId, runId, type } of client.workflow.list({ query }))
    runs.push({ workflowId, runId, type });
  return runs;
}

/** Resets a run to its first task. A lineage lets go of its trainings before: the new run does not know what it held. */
async function beginAnew(client: Client, taskQueue: string, { workflowId, runId, type }: Run): Promise<void> {
  const { connection, options, workflow } = client;
  const stuck = await describeRunning(workflow.getHandle(workflowId, runId));
  if (stuck === undefined) return;
  if (type === 'lineageWorkflow') {
    for (const node of await runningOf(client, taskQueue, ['nodeWorkflow'])) {
      await ignoreGone(workflow.getHandle(node.workflowId).signal(releaseSignal, { lineage: workflowId }));
    }
  }
  const { runId: newRunId } = await connection.workflowService.resetWorkflowExecution({
    namespace: options.namespace,
    workflowExecution: { workflowId, runId },
    workflowTaskFinishEventId: await firstTaskCompleted(client, workflowId, runId),
    reason: 'its history could not be replayed',
    requestId: runId,
  });
  // The server gives signals again, and not that it was cancelled.
  if (stuck.raw.workflowExtendedInfo?.cancelRequested)
    await ignoreGone(workflow.getHandle(workflowId, newRunId).cancel());
}

/** The id of the event by which a run's first workflow task was completed. */
async function firstTaskCompleted({ connection, options }: Client, workflowId: string, runId: string) {
  const { namespace } = options;
  const execution = { workflowId, runId };
  for (let nextPageToken: Uint8Array | undefined; ; ) {
    const page = await connection.workflowService.getWorkflowExecutionHistory({
      namespace,
      execution,
      maximumPageSize: 100,
      ...(nextPageToken && { nextPageToken }),
    });
    const found = page.history?.events?.find((event) => event.workflowTaskCompletedEventAttributes);
    if (found?.eventId) return found.eventId;
    nextPageToken = page.nextPageToken ?? undefined;
    if (!nextPageToken?.length) throw new Error('none of its tasks was completed');
  }
}

function reason(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}
