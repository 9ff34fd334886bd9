import {
  ActivityNotFoundError,
  type Client,
  WorkflowFailedError,
  type WorkflowHandle,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { codeDigest, codeMemo } from '../activities/code.ts';
import { describeRunning, searchAttributes } from '../activities/holds.ts';
import { needsOf } from '../planner/kinship.ts';
import type { Key, Plan, PlanNode } from '../planner/plan.ts';
import type { VerdictWord } from '../planner/verdict.ts';
import { cutToBytes, widest } from '../workflows/details.ts';
import type { lineageWorkflow } from '../workflows/lineage.ts';
import {
  type LineageCounts,
  type LineageInput,
  type LineageStatus,
  type NodeFailure,
  type NodeProgress,
  type NodeWorkflow,
  pausedQuery,
  type RunSettings,
  resumeSignal,
  statusQuery,
} from '../workflows/messages.ts';
import { executeActivityId, lineageWorkflowId, nodeWorkflowId, searchAttributeCommand } from '../workflows/names.ts';
import { type NodeState, stateOfLetter } from '../workflows/schedule.ts';
import { grpcErrorOf } from './connect.ts';
import { CommandError } from './failure.ts';

/*
 * What the command line does with lineages on a Temporal server.
 */

export type LineageHandle = WorkflowHandle<typeof lineageWorkflow>;

/**
 * Runs a plan, which `writePlan` has frozen under `planDigest`. Where the same plan runs already it is joined; either
 * way the store is looked into again, what failed before is tried again, and what was paused goes on. With `failFast` the
 * first failure ends it. Where it is not joined, `verdict` is what it is found by on the server.
 * Throws a CommandError where the namespace is said to have Descent's search attributes, and lacks one.
 */
export async function runLineage(
  client: Client,
  plan: Plan,
  planDigest: string,
  settings: RunSettings,
  { failFast = false, verdict = 'run' }: { failFast?: boolean | undefined; verdict?: VerdictWord } = {},
): Promise<LineageHandle> {
  const workflowId = lineageWorkflowId(plan.lineage, planDigest);
  const input: LineageInput = { lineage: plan.lineage, planDigest, total: plan.nodes.length, settings };
  await endIfForeign(client.workflow.getHandle(workflowId));
  const started = client.workflow.signalWithStart<typeof lineageWorkflow, [{ failFast: boolean }]>('lineageWorkflow', {
    workflowId,
    taskQueue: settings.queue,
    args: [input],
    signal: resumeSignal,
    signalArgs: [{ failFast }],
    memo: { [codeMemo]: codeDigest(), [settingsMemo]: settings },
    staticSummary: cutToBytes(`${plan.lineage}: ${plan.nodes.length} nodes`, widest.summary),
    staticDetails: cutToBytes(`${plan.title ?? plan.lineage}\n\nplan \`${planDigest}\``, widest.details),
    ...(settings.searchAttributes ? { typedSearchAttributes: searchAttributes(workflowId, verdict) } : {}),
  });
  return await started.catch(refuseWithoutAttribute(client.options.namespace));
}

/** The memo of a lineage's workflow that has the settings that it was begun with. */
const settingsMemo = 'settings';

/** What a person should know of a lineage that `runLineage` would join: it goes on with the settings that it was begun with. */
export async function joiningNotices(
  client: Client,
  plan: Plan,
  planDigest: string,
  settings: RunSettings,
): Promise<string[]> {
  const memo = (await describeRunning(lineageHandle(client, plan, planDigest)))?.memo;
  const begun = memo?.[settingsMemo] as RunSettings | undefined;
  if (memo?.[codeMemo] !== codeDigest() || begun === undefined || begun.device === settings.device) return [];
  const how = `\`descent cancel ${plan.lineage}\` it and run it again`;
  return [`the lineage runs already, on the device ${begun.device}, and goes on there: for ${settings.device}, ${how}`];
}

function refuseWithoutAttribute(namespace: string): (error: unknown) => never {
  return (error) => {
    const reason = grpcErrorOf(error)?.details ?? '';
    const [, missing] = /no mapping defined for search attribute (\w+)/.exec(reason) ?? [];
    if (missing === undefined) throw error;
    throw new CommandError(
      `the namespace \`${namespace}\` has no search attribute ${missing}`,
      `say \`searchAttributes: false\` in temporal.config, or make it: ${searchAttributeCommand(namespace)}`,
    );
  };
}

/** The lineage workflow of a plan, whether or not there is one. */
export function lineageHandle(client: Client, { lineage }: Pick<Plan, 'lineage'>, planDigest: string): LineageHandle {
  return client.workflow.getHandle<typeof lineageWorkflow>(lineageWorkflowId(lineage, planDigest));
}

/** A node of a lineage and how it stands. */
export interface NodeStatus {
  index: number;
  address: string;
  key: Key;
  /** Of a node that is forced: the lowest attempt that will do. */
  attempt?: number;
  state: NodeState;
  /** Why it failed or is blocked. */
  reason?: string;
  /** Of a node that failed; the first ones only, where very many did. */
  failure?: NodeFailure;
}

/** How a lineage stands, node by node in the plan's order. Needs a worker; throws within ten seconds where none answers. */
export async function lineageStatus(
  handle: LineageHandle,
  plan: Plan,
): Promise<Pick<LineageStatus, 'counts' | 'unwritten' | 'pace'> & { nodes: NodeStatus[] }> {
  const { counts, states, failures, unwritten, pace } = await handle.query(statusQuery);
  const stateOf = new Map<Key, NodeState>(plan.nodes.map(({ key }, index) => [key, stateOfLetter(states[index])]));
  const byKey = new Map(plan.nodes.map((node) => [node.key, node]));
  const nodes = plan.nodes.map((node, index): NodeStatus => {
    const state = stateOfLetter(states[index]);
    const failure = failures[index];
    const reason = state === 'blocked' ? blockedBy(node, stateOf, byKey) : failure?.message;
    return {
      index,
      address: node.address,
      key: node.key,
      ...(node.attempt && { attempt: node.attempt }),
      state,
      ...(reason === undefined ? {} : { reason }),
      ...(failure === undefined ? {} : { failure }),
    };
  });
  return { counts, unwritten, pace, nodes };
}

/** How far a running node is, as the server knows it. */
export interface NodeLook extends Omit<NodeProgress, 'phase'> {
  /** Besides what its activity says: `queued`, no worker has taken it yet; `retrying`, it failed and waits for its next try. */
  phase: NodeProgress['phase'] | 'retrying';
  /** Where a try has failed. */
  failed?: FailedTry;
}

/** A try that failed and is followed by another. */
export interface FailedTry {
  /** How many have failed. */
  tries: number;
  /** What went wrong, as in `waitsBetweenTries`; `lost` where its worker was not heard of any more. */
  kind: string;
  /** What it said; empty where it said nothing. */
  reason: string;
}

/** How far running nodes are, by their keys; a node that the server does not know of yet is not among them. */
export async function progressOf(handle: LineageHandle, running: readonly NodeStatus[]): Promise<Map<Key, NodeLook>> {
  const { client } = handle;
  const found = new Map<Key, NodeLook>();
  const own = (await activitiesOf(handle)) ?? new Map<string, NodeLook>();
  await Promise.all(
    running.map(async (node) => {
      const { index, key } = node;
      const short = own.get(executeActivityId(index));
      const progress = short ?? (await progressOfNode(client.getHandle<NodeWorkflow>(nodeWorkflowId(node))));
      if (progress !== undefined) found.set(key, progress);
    }),
  );
  return found;
}

/** How far a training node is; undefined where it has not begun, or has ended. */
export async function progressOfNode(handle: WorkflowHandle<NodeWorkflow>): Promise<NodeLook | undefined> {
  const activities = await activitiesOf(handle);
  // One that has ended would be replayed for every question.
  if (activities === undefined) return undefined;
  if (activities.size > 0) return activities.get(executeActivityId());
  const paused = await handle.query(pausedQuery).catch((error: unknown) => {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  });
  return paused ? { ...nothingYet, phase: 'paused' } : undefined;
}

const nothingYet = { attempt: 0, step: 0, steps: 0, tokensPerSecond: 0, secondsLeft: 0, values: {} };

/** How a lineage ended; `gone` where the server has it no more, as it was deleted or is past what the server keeps. */
export type LineageEnd =
  | { state: 'done'; counts: LineageCounts }
  | { state: 'failed'; message: string }
  | { state: 'cancelled' }
  | { state: 'gone' };

/** Waits until a lineage ends, also over continue-as-new and where it begins anew. Rejects when the server is lost. */
export async function lineageEnd(handle: LineageHandle): Promise<LineageEnd> {
  try {
    return { state: 'done', counts: await handle.result() };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return { state: 'gone' };
    if (!(error instanceof WorkflowFailedError)) throw error;
    const cause = error.cause;
    if (cause?.name === 'CancelledFailure') return { state: 'cancelled' };
    if (cause?.name === 'TerminatedFailure') {
      // Where it began anew after that, its newest run is the one to wait for.
      const newest: LineageHandle = handle.client.getHandle(handle.workflowId);
      const { status } = await newest.describe();
      return status.name === 'TERMINATED' ? { state: 'cancelled' } : await lineageEnd(newest);
    }
    return { state: 'failed', message: cause?.message ?? error.message };
  }
}

/**
 * Cancels a lineage and waits until it has let go of its nodes: those that no other lineage needs save their
 * checkpoints and stop. Throws a CommandError where that takes longer than `timeoutMs`.
 */
export async function cancelLineage(handle: LineageHandle, timeoutMs = 90_000): Promise<void> {
  await handle.cancel();
  const patience = new AbortController();
  const late = new Promise<'late'>((resolve) => {
    const timer = setTimeout(() => resolve('late'), timeoutMs);
    patience.signal.addEventListener('abort', () => clearTimeout(timer));
  });
  try {
    if ((await Promise.race([lineageEnd(handle), late])) !== 'late') return;
    throw new CommandError(`${handle.workflowId} has not ended, ${timeoutMs / 1000} seconds after it was cancelled`);
  } finally {
    patience.abort();
  }
}

function blockedBy(node: PlanNode, stateOf: Map<Key, NodeState>, byKey: Map<Key, PlanNode>): string {
  const parents = Object.values(needsOf(node));
  const failed = parents.find((key) => stateOf.get(key) === 'failed');
  if (failed !== undefined) return `${byKey.get(failed)?.address} failed`;
  const blocked = parents.find((key) => stateOf.get(key) === 'blocked');
  const parent = blocked === undefined ? undefined : byKey.get(blocked);
  return parent === undefined ? 'a node before it failed' : blockedBy(parent, stateOf, byKey);
}

/** The pending activities of a workflow that runs, by id, with what they told of themselves last; undefined of any other. */
async function activitiesOf(
  handle: Pick<WorkflowHandle, 'describe' | 'client'>,
): Promise<Map<string, NodeLook> | undefined> {
  const description = await describeRunning(handle);
  if (description === undefined) return undefined;
  const progress = new Map<string, NodeLook>();
  for (const activity of description.raw.pendingActivities ?? []) {
    const { activityId, heartbeatDetails, state, attempt, lastFailure } = activity;
    const [payload] = heartbeatDetails?.payloads ?? [];
    // Reading a page of the plan has a heartbeat that tells of nothing.
    const told = (payload && (await decode<NodeProgress | undefined>(handle.client, payload))) ?? {
      ...nothingYet,
      phase: 'starting' as const,
    };
    const tries = (attempt ?? 1) - 1;
    const kind = kindOf(lastFailure);
    const phase = state !== scheduled ? told.phase : tries > 0 ? 'retrying' : 'queued';
    if (activityId)
      progress.set(activityId, {
        ...told,
        phase,
        ...(kind && { failed: { tries, kind, reason: reasonOf(lastFailure) } }),
      });
  }
  return progress;
}

/** PENDING_ACTIVITY_STATE_SCHEDULED of Temporal's API: no worker has it, or it waits for its next try. */
const scheduled = 1;

/** Of a worker that was lost Temporal has words of its own, which say no more than `lost`. */
function reasonOf(failure: Failure): string {
  return failure?.timeoutFailureInfo ? '' : (failure?.message ?? '');
}

/** What went wrong with a try; undefined where it was handed back, which is no failure. */
function kindOf(failure: Failure): string | undefined {
  if (failure?.timeoutFailureInfo) return 'lost';
  const kind = failure?.applicationFailureInfo?.type;
  return kind && kind !== 'stopped' ? kind : undefined;
}

type Failure =
  | {
      message?: string | null;
      timeoutFailureInfo?: object | null;
      applicationFailureInfo?: { type?: string | null } | null;
    }
  | null
  | undefined;

/** What a payload of a raw answer says: those of the client's own answers it decodes itself. */
async function decode<T>({ options }: WorkflowHandle['client'], payload: Payload): Promise<T> {
  let decoded = [payload];
  for (const codec of options.dataConverter.payloadCodecs ?? []) decoded = await codec.decode(decoded);
  return defaultPayloadConverter.fromPayload<T>(decoded[0] as Payload);
}

/**
 * Terminates a running workflow that other code began, which this code could not go on with: what it has achieved is in
 * the store. False where it does not run, or may go on.
 */
export async function endIfForeign(handle: WorkflowHandle): Promise<boolean> {
  try {
    const running = await describeRunning(handle);
    if (running === undefined || running.memo?.[codeMemo] === codeDigest()) return false;
    await handle.terminate('begun by another version of Descent: whatever it finished is in the store');
    return true;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

/** For what may have ended while it was looked at. */
export async function ignoreGone(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError || error instanceof ActivityNotFoundError)) throw error;
  }
}
