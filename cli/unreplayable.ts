import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, isGrpcServiceError, ServiceError } from '@temporalio/client';
import { describeRunning } from '../activities/holds.ts';

/*
 * A workflow whose history its code would not do again stands still for ever. docs/execution.md says how that comes
 * about: "When a history cannot be replayed".
 */

/** How often a worker looks for such workflows: the server names them after a few tries, which are seconds apart. */
const lookSeconds = 5;

const query = `ExecutionStatus = 'Running' AND TemporalReportedProblems IN ('cause=WorkflowTaskFailedCauseNonDeterministicError')`;

/**
 * Until the signal is aborted, has workflows begin anew that cannot be replayed, and tells of each. What they achieved is
 * in the store, and the server gives them again whatever they were told. Where the server cannot name them, it tells so
 * and returns.
 */
export async function resetUnreplayable(
  client: Client,
  tell: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const { workflowId, runId } of client.workflow.list({ query })) {
        if (await reset(client, workflowId, runId)) tell(`${workflowId} could not be replayed, and begins anew`);
      }
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      if (isGrpcServiceError(error.cause) && error.cause.code === invalidArgument) {
        const text = 'the server is too old to name workflows that cannot be replayed: they have to be reset by hand';
        return tell(`${text} (${error.cause.details})`);
      }
      // A server that is gone for a while is its worker's matter; this looks again.
    }
    await sleep(lookSeconds * 1000, undefined, { signal }).catch(() => undefined);
  }
}

/** Of gRPC. */
const invalidArgument = 3;

/** Whether it did: the run may have ended meanwhile, or another worker have been first. */
async function reset({ connection, options, workflow }: Client, workflowId: string, runId: string): Promise<boolean> {
  const { namespace } = options;
  const execution = { workflowId, runId };
  if ((await describeRunning(workflow.getHandle(workflowId, runId))) === undefined) return false;
  const { history } = await connection.workflowService.getWorkflowExecutionHistory({
    namespace,
    execution,
    maximumPageSize: 20,
  });
  const first = history?.events?.find(
    ({ workflowTaskCompletedEventAttributes }) => workflowTaskCompletedEventAttributes,
  );
  if (!first?.eventId) return false;
  await connection.workflowService.resetWorkflowExecution({
    namespace,
    workflowExecution: execution,
    workflowTaskFinishEventId: first.eventId,
    reason: 'its history could not be replayed',
    // Of two workers that see it at once the server heeds one.
    requestId: `replay-${runId}`,
  });
  return true;
}
