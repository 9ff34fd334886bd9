import {
  ActivityCancellationType,
  ActivityFailure,
  ApplicationFailure,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
  TimeoutFailure,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { cutToBytes, widest } from './details.ts';
import type { NodeFailure, NodeInput, NodeOutcome, RunSettings } from './messages.ts';
import { deviceQueue, resultsQueue } from './names.ts';

/*
 * How workflows call activities: queues, timeouts, retries. Every call has an end.
 */

/** Short activities on the lineage queue: they read a few files or ask the server something. */
export const light = proxyActivities<Activities>({
  startToCloseTimeout: '1 minute',
  retry: { initialInterval: '500 milliseconds', maximumInterval: '10 seconds', maximumAttempts: 30 },
});

/**
 * Run within a workflow's own task, by the worker that has it: nothing of them waits in a queue or stands in a history but
 * that they are done. For a single call to the server that may come twice.
 */
export const inTask = proxyLocalActivities<Pick<Activities, 'tellLineage'>>({
  startToCloseTimeout: '10 seconds',
  retry: { initialInterval: '500 milliseconds', maximumInterval: '10 seconds', maximumAttempts: 30 },
});

/** Activities of the one writer to DuckDB, on the results queue. A person may hold the file for a while: it waits. */
export function writer({
  queue,
  results = resultsQueue(queue),
  heartbeatSeconds,
}: RunSettings): Pick<typeof light, 'recordLineage' | 'ingestNodes'> {
  return proxyActivities<Activities>({
    taskQueue: results,
    startToCloseTimeout: '30 minutes',
    heartbeatTimeout: heartbeatSeconds * 1000,
    retry: { initialInterval: '1 second', maximumInterval: '30 seconds', maximumAttempts: 100 },
  });
}

/**
 * Executes a node on its device's queue and gives how it ended. It is tried again, from its newest checkpoint, for as
 * long as the activity calls its failure retryable: it knows whether the tries before made progress. Cancelling the
 * scope stops the trainer, and this returns when it has stopped.
 */
export async function execute(input: NodeInput, activityId: string): Promise<NodeOutcome> {
  const { executeNode } = proxyActivities<Activities>({
    activityId,
    taskQueue: deviceQueue(input.settings.queue, input.device),
    summary: cutToBytes(input.address, widest.summary),
    priority: { priorityKey: input.priority },
    // The activity ends a node that takes longer than its timeout; this is for an activity that does not.
    startToCloseTimeout: (input.timeoutSeconds + 600) * 1000,
    heartbeatTimeout: input.settings.heartbeatSeconds * 1000,
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '15 seconds' },
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  });
  try {
    const { planDigest, index, device } = input;
    return { state: 'done', ...(await executeNode({ planDigest, index, device })) };
  } catch (error) {
    return isCancellation(error) ? { state: 'cancelled' } : { state: 'failed', failure: failureOf(error) };
  }
}

/** The end of a workflow by a failure that somebody foresaw: where in the code it was thrown helps nobody who reads it. */
export function failed(message: string, kind: string, details: object): ApplicationFailure {
  const failure = ApplicationFailure.nonRetryable(message, kind, details);
  failure.stack = '';
  return failure;
}

/** What a failed activity says of itself, bounded so that it fits into histories and status. */
export function failureOf(error: unknown): NodeFailure {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure) {
    const [details] = (cause.details ?? []) as [{ lastLines?: string[] }?];
    return {
      kind: cause.type ?? 'internal',
      message: cause.message.slice(0, 2000),
      lastLines: (details?.lastLines ?? []).slice(-20).map((line) => line.slice(0, 300)),
    };
  }
  if (cause instanceof TimeoutFailure) {
    return { kind: 'timed-out', message: `its activity timed out (${cause.timeoutType})`, lastLines: [] };
  }
  return {
    kind: 'internal',
    message: String((cause as Error | undefined)?.message ?? error).slice(0, 2000),
    lastLines: [],
  };
}
