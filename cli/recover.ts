import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { recordProcess } from '../activities/processes.ts';
import { machineName } from '../store/machine.ts';
import { holdersQuery } from '../workflows/messages.ts';
import { liveHolders } from './host-state.ts';
import { endIfForeign, ignoreGone } from './lineages.ts';
import { parseIdentity } from './worker.ts';

/*
 * What the worker of a home's own server does first: it takes up what was under way when its predecessor ended.
 */

/**
 * Ends the workflows that another version of Descent began, and tells the server that activities have failed which a
 * worker had begun that is dead now. It would find out by itself, but only when their heartbeat timeout has passed; this
 * way they are tried again at once.
 */
export async function failLost(client: Client): Promise<void> {
  for await (const { workflowId, runId } of client.workflow.list({ query: "ExecutionStatus = 'Running'" })) {
    const handle = client.workflow.getHandle(workflowId, runId);
    if (await endIfForeign(handle)) continue;
    const { raw } = await handle.describe();
    for (const { activityId, state, lastWorkerIdentity } of raw.pendingActivities ?? []) {
      if (!activityId || isAlive(lastWorkerIdentity ?? '')) continue;
      const activity = { workflowId, runId, activityId };
      if (state === begun) await ignoreGone(client.activity.fail(activity, lost()));
      if (state === askedToCancel) await ignoreGone(client.activity.reportCancellation(activity));
    }
  }
}

/** Whether the worker of that name may still run: one of another machine may, for all that is known here. */
function isAlive(identity: string): boolean {
  const { pid, host } = parseIdentity(identity);
  return host !== machineName() || recordProcess(pid) !== undefined;
}

/** Of temporal.api.enums.v1.PendingActivityState. */
const begun = 2;
const askedToCancel = 3;

function lost(): ApplicationFailure {
  return ApplicationFailure.retryable('the worker that ran it was killed', 'worker-lost');
}

/**
 * Cancels the lineages that an interrupted session left open, and that nobody follows who is alive: a person who starts
 * one lineage does not ask for yesterday's others. Returns when the nodes that only they needed are stopped, or after ten
 * seconds: a device that is served from then on begins none of them.
 */
export async function cancelUnfollowed(client: Client, home: string): Promise<void> {
  const query = "ExecutionStatus = 'Running' AND WorkflowType = 'lineageWorkflow'";
  const open = [];
  for await (const { workflowId } of client.workflow.list({ query })) open.push(workflowId);
  // In this order: who starts a lineage has said before that it follows it, so of what is listed nobody is overlooked.
  const holders = await liveHolders(home);
  const isFollowed = (id: string) => holders.some(({ lineages }) => lineages === 'all' || lineages.includes(id));
  const others = open.filter((id) => !isFollowed(id)).map((id) => client.workflow.getHandle(id));
  if (others.length === 0) return;
  for (const handle of others) await ignoreGone(handle.cancel());
  const deadline = performance.now() + 10_000;
  for (const handle of others) {
    while (performance.now() < deadline && (await handle.describe()).status.name === 'RUNNING') await sleep(50);
  }
  await Promise.race([releasesHandled(client), sleep(10_000, undefined, { ref: false })]);
}

/** Waits until every node has handled the releases it was sent: a lineage that has ended sent them, and no more. */
async function releasesHandled(client: Client): Promise<void> {
  const query = "ExecutionStatus = 'Running' AND WorkflowType = 'nodeWorkflow'";
  const answers: Promise<void>[] = [];
  for await (const { workflowId } of client.workflow.list({ query })) {
    answers.push(ignoreGone(client.workflow.getHandle(workflowId).query(holdersQuery)));
  }
  await Promise.all(answers);
}
