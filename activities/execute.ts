import { trace } from '@opentelemetry/api';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { PlanNode } from '../planner/plan.ts';
import { isGpuClass } from '../schemas/device-class.ts';
import { findArtifact, publish } from '../store/artifact.ts';
import { type Attempt, attemptUnderWay, beginAttempt } from '../store/attempt.ts';
import { latestCheckpoint } from '../store/checkpoint.ts';
import { StoreError } from '../store/errors.ts';
import { forgetFailure, noteFailure } from '../store/failure.ts';
import { type Artifact, awayFiles } from '../store/inspect.ts';
import { holdsLease } from '../store/lease.ts';
import type { NodeProgress } from '../workflows/messages.ts';
import { claimNode } from './claim.ts';
import { removeOutputs } from './events.ts';
import type { ExecuteOptions, Execution } from './execution.ts';
import {
  asNodeError,
  failureFor,
  forgetTries,
  isUncounted,
  mostTriesOfAny,
  NodeError,
  noteTries,
  triesFrom,
} from './failures.ts';
import { shareGpus } from './gpus.ts';
import { attemptToJoin, isHandedIn } from './launchers/join.ts';
import { LeftError } from './launchers/launch.ts';
import { torchrunOf } from './launchers/torchrun.ts';
import { bringToEnd } from './make.ts';
import { countsForAll, findAnywhere, holdFiles, share } from './shared.ts';
import { stopped } from './stopped.ts';

/** Which node to execute, and on which device class. */
export interface ExecuteInput {
  planDigest: string;
  index: number;
  device: string;
}

/**
 * The activity `executeNode`: brings a node to a published artifact, from wherever it stands. Published already: gives
 * that (an acknowledgement that was lost costs nothing). Where there is an object storage, that has it too when this returns,
 * and what that has already is not made again. Finished but not published: publishes. Otherwise a trainer is
 * started, which goes on from the newest checkpoint of the unfinished attempt.
 *
 * It heartbeats its progress every second. When it is cancelled, or its worker is shut down, the trainer saves a
 * checkpoint and exits, or is killed after `stopSeconds`, and no hashing of large files keeps it longer. It throws an ApplicationFailure whose type is the kind of
 * failure, and which is retryable as long as trying again has a chance.
 */
export function executeActivity(options: ExecuteOptions) {
  const { home, plans, stopSeconds, devices, launchers = {}, storage } = options;
  const takeGpu = shareGpus(process.env);
  return async ({ planDigest, index, device }: ExecuteInput): Promise<{ attempt: number }> => {
    const context = Context.current();
    const node = await plans.node(planDigest, index);
    const published = await findArtifact(home, node.key, node.attempt);
    if (published !== undefined && countsForAll(storage, published)) return { attempt: published.attempt };
    trace.getActiveSpan()?.setAttributes({
      'descent.node': node.address,
      'descent.key': node.key,
      'descent.type': node.type,
      'descent.device': device,
    });
    if (node.accepted && storage === undefined) throw failureFor(acceptedGone(node), 1);

    const progress: NodeProgress = { ...notStarted };
    const beating = setInterval(() => context.heartbeat({ ...progress }), 1000);
    try {
      const claim = await claimNode(home, node.key, {
        staleSeconds: staleSecondsOf(context),
        stopSeconds,
        signal: context.cancellationSignal,
        onWait: () => {
          progress.phase = 'waiting';
        },
      });
      try {
        progress.phase = 'starting';
        const from = node.attempt ?? 1;
        const joined = await counted(
          { node, context },
          home,
          { ...whereJoined(home, node, from), noteFirst: false },
          () => attemptToJoin(home, node, { launchers, device, from }),
        );
        if (joined === undefined) {
          const settled = await settle({ node, context, progress }, options);
          if (settled !== undefined) {
            forgetTries(home, node.key);
            return { attempt: settled.attempt };
          }
          if (node.accepted) throw failureFor(acceptedGone(node), 1);
        }
        const begun = joined ?? (await beginAttempt(home, node, { from }));
        if (begun.state === 'published') return { attempt: begun.artifact.attempt };
        trace.getActiveSpan()?.setAttribute('descent.attempt', begun.attempt.number);
        const gpu =
          launchers[device] === undefined && isGpuClass(device)
            ? takeGpu(devices[device]?.gpus, torchrunOf(devices[device])?.processes)
            : undefined;
        try {
          const env = gpu?.env ?? {};
          const execution = { planDigest, node, device, context, progress, claim, attempt: begun.attempt, env };
          await executeAttempt(execution, options);
        } finally {
          gpu?.release();
        }
        return { attempt: begun.attempt.number };
      } finally {
        claim.release();
      }
    } catch (error) {
      if (context.cancellationSignal.aborted)
        throw stopped(
          context,
          error instanceof LeftError
            ? error.message
            : `it was stopped at step ${progress.step}, and goes on from its newest checkpoint`,
        );
      throw error instanceof ApplicationFailure ? error : failureFor(error, 1);
    } finally {
      clearInterval(beating);
    }
  };
}

/** What its file accepts is never made: training what the file says would put another model under the artifact's key. */
function acceptedGone({ address, key }: PlanNode): NodeError {
  const message = `${address} stands on the accepted artifact ${key.slice(0, 12)}, which is gone from the store or damaged`;
  return new NodeError('accepted-gone', message);
}

const notStarted: NodeProgress = {
  phase: 'starting',
  attempt: 0,
  step: 0,
  steps: 0,
  tokensPerSecond: 0,
  secondsLeft: 0,
  values: {},
};

/**
 * What there is of a node already, for everybody: of this home, which then goes to the storage where that lacks it, or out of
 * the storage; undefined where the node is to be made. Without a storage that is what beginAttempt sees.
 */
async function settle(
  { node, context, progress }: Pick<Execution, 'node' | 'context' | 'progress'>,
  options: ExecuteOptions,
): Promise<Artifact | undefined> {
  const { home, storage } = options;
  if (storage === undefined) return undefined;
  const moving = { home, storage, signal: context.cancellationSignal };
  const counting = { from: { attempt: 0, step: 0 }, begins: true, noteFirst: false };
  return await counted({ node, context }, home, counting, async () => {
    const found = await findAnywhere(moving, node, true);
    if (found === undefined || countsForAll(storage, found)) return found;
    progress.phase = 'uploading';
    return await share(moving, found);
  });
}

async function executeAttempt(execution: Execution, options: ExecuteOptions): Promise<void> {
  const { node, attempt, context, progress } = execution;
  const { home, storage } = options;
  const place = placeOf(attempt);
  const { step } = place;
  Object.assign(progress, place);
  // What a trainer has finished counts, though it is to stop, where that takes no longer than saving may.
  const inTime = leaveIn(options.stopSeconds, context.cancellationSignal);
  // Whoever joins a job begins nothing.
  const counting = {
    from: place,
    begins: !isHandedIn(attempt),
    noteFirst: attempt.executions > 1,
    attempt,
  };
  forgetFailure(attempt.folder);
  await counted(execution, home, counting, async (tries) => {
    if (tries > mostTriesOfAny) {
      throw new NodeError('killed', `${node.address}: its worker died ${tries - 1} times at step ${step}`);
    }
    const parents = await holdParents(execution, options);
    try {
      const { started, done, adopted } = await bringToEnd(execution, options, parents.artifacts, tries);
      progress.phase = 'publishing';
      const publication = {
        type: node.type,
        address: node.address,
        preimage: node.preimage,
        parents: node.parents,
        model: done.model,
        facts: done.facts,
        provenance: {
          engine: started.engine,
          device: started.device,
          ...(started.hardware !== undefined && { hardware: started.hardware }),
          startedAt: attempt.startedAt,
          finishedAt: new Date().toISOString(),
          executions: attempt.executions,
          ...(adopted && { adopted }),
        },
      };
      const manifest = await publish(attempt, publication, inTime);
      removeOutputs(attempt.folder);
      progress.phase = 'uploading';
      const moving = { home, storage, signal: context.cancellationSignal };
      await share(moving, { ...manifest, folder: attempt.folder });
    } finally {
      await parents.release();
    }
  });
  forgetTries(home, node.key);
}

/** Where an attempt goes on. */
function placeOf({ number, folder }: Attempt): { attempt: number; step: number } {
  return { attempt: number, step: latestCheckpoint(folder)?.step ?? 0 };
}

/** A cluster that does not say what became of a job has had its say in vain as often as where it does not take one. */
function whereJoined(
  home: string,
  { key }: PlanNode,
  from: number,
): { from: ReturnType<typeof placeOf>; begins: true } {
  const attempt = attemptUnderWay(home, key, { from });
  return { from: attempt === undefined ? { attempt: 0, step: 0 } : placeOf(attempt), begins: true };
}

/**
 * Counts the tries of something from one place, on disk, and fails for good when its kind of failure has had them all. A
 * first execution is noted when it has failed, which most do not; should its worker be killed, it is not counted. An attempt
 * that has failed for good has that noted.
 */
async function counted<T>(
  { node, context }: Pick<Execution, 'node' | 'context'>,
  home: string,
  {
    from,
    begins,
    noteFirst,
    attempt,
  }: { from: { attempt: number; step: number }; begins: boolean; noteFirst: boolean; attempt?: Attempt },
  work: (tries: number) => Promise<T>,
): Promise<T> {
  const tries = Math.max(1, triesFrom(home, node.key, from) + (begins ? 1 : 0));
  if (noteFirst) noteTries(home, node.key, { ...from, count: tries });
  try {
    return await work(tries);
  } catch (error) {
    if (context.cancellationSignal.aborted) {
      forgetTries(home, node.key);
      throw error;
    }
    if (isUncounted(error)) {
      forgetTries(home, node.key);
      throw failureFor(error, 1);
    }
    const failure = failureFor(error, tries);
    if (failure.nonRetryable) {
      forgetTries(home, node.key);
      if (attempt !== undefined) noteEnd(node, attempt, error);
    } else noteTries(home, node.key, { ...from, count: tries });
    throw failure;
  }
}

/** Leaves in the attempt why it failed, which nobody else may know: its trainer may never have been started. */
function noteEnd({ address }: PlanNode, { folder, leasePath, token }: Attempt, error: unknown): void {
  if (!holdsLease(leasePath, token)) return;
  const { kind, message } = asNodeError(error);
  const named = `${address}: `;
  try {
    // As a trainer says it, which does not know what it trains.
    noteFailure(folder, { kind, message: message.startsWith(named) ? message.slice(named.length) : message });
  } catch (noteError) {
    // The disk may be what it failed for: whoever follows the lineage is told all the same.
    if (!(noteError instanceof StoreError)) throw noteError;
  }
}

/** What throws, when it is called, once the signal was aborted so many seconds ago. */
function leaveIn(seconds: number, signal: AbortSignal): () => void {
  let deadline = Number.POSITIVE_INFINITY;
  const count = (): void => {
    deadline = performance.now() + seconds * 1000;
  };
  if (signal.aborted) count();
  else signal.addEventListener('abort', count, { once: true });
  return () => {
    if (performance.now() > deadline) signal.throwIfAborted();
  };
}

/** What a node starts from, all of it in this home, where it stays until it is released. */
interface Held {
  artifacts: Record<string, Artifact>;
  release(): Promise<void>;
}

async function holdParents({ planDigest, node, context, progress }: Execution, options: ExecuteOptions): Promise<Held> {
  const { home, plans, storage } = options;
  const { nodes } = await plans.plan(planDigest);
  const moving = { home, storage, signal: context.cancellationSignal };
  const releases: (() => Promise<void>)[] = [];
  const release = async (): Promise<void> => {
    for (const one of releases) await one();
  };
  const claiming = { staleSeconds: staleSecondsOf(context), onWait: () => undefined };
  try {
    const artifacts: Record<string, Artifact> = {};
    for (const [role, key] of Object.entries(node.parents)) {
      // Of a parent that was forced the new attempt, which another host may have made: here may be the one before.
      const attempt = nodes.find((one) => one.key === key)?.attempt;
      const artifact = await findAnywhere(moving, { key, ...(attempt !== undefined && { attempt }) });
      if (artifact === undefined) {
        const message = `${node.address} needs its ${role}, ${key.slice(0, 12)}, which is gone from the store or damaged`;
        throw new NodeError('no-parent', `${message}: run the lineage again`);
      }
      if (awayFiles(artifact).length > 0) progress.phase = 'fetching';
      if (storage !== undefined || awayFiles(artifact).length > 0) {
        releases.push(await holdFiles(moving, artifact, claiming));
      }
      artifacts[role] = artifact;
    }
    progress.phase = 'starting';
    return { artifacts, release };
  } catch (error) {
    await release();
    throw error;
  }
}

/** Seconds after which a claim that nobody touches is taken over: those after which the server takes a worker for lost. */
function staleSecondsOf({ info }: Context): number {
  return (info.heartbeatTimeoutMs ?? 30_000) / 1000;
}
