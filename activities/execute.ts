import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { trace } from '@opentelemetry/api';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { HubError } from '../hub/errors.ts';
import type { PlanNode } from '../planner/plan.ts';
import { isGpuClass } from '../schemas/device-class.ts';
import { deviceFailure } from '../schemas/device-failures.ts';
import type { DoneEvent, FailedEvent, StartedEvent, TrainerEvent } from '../schemas/types/event.ts';
import type { Manifest } from '../schemas/types/manifest.ts';
import { findArtifact, publish, verifyArtifact } from '../store/artifact.ts';
import { type Attempt, beginAttempt, emptyAttempt } from '../store/attempt.ts';
import { latestCheckpoint } from '../store/checkpoint.ts';
import type { Artifact } from '../store/inspect.ts';
import { holdsLease } from '../store/lease.ts';
import { writeNote } from '../store/notes.ts';
import type { NodeProgress } from '../workflows/messages.ts';
import { adoptCheckpoint, adoption } from './adopt.ts';
import { type Claim, claimNode } from './claim.ts';
import { BadEventError, collectEvents, removeEvents, removeOutputs, type Said, writeEvents } from './events.ts';
import {
  asNodeError,
  failureFor,
  forgetTries,
  isDiskFull,
  mostTriesOfAny,
  NodeError,
  noteTries,
  triesFrom,
} from './failures.ts';
import { type GpuUse, shareGpus } from './gpus.ts';
import { jobFor } from './job.ts';
import type { PlanReader } from './plans.ts';
import { preparation, prepareData } from './prepare.ts';
import { outOfMemoryKills } from './processes.ts';
import { earlierResponses } from './responses.ts';
import { stopped } from './stopped.ts';
import { endpointEnvironment, startTrainer, type TrainerEnd } from './trainer.ts';

/** What executing nodes needs to know of this machine. */
export interface ExecuteOptions {
  home: string;
  plans: PlanReader;
  /** Command that speaks the trainer's contract; the job's path is appended. */
  trainer: string[];
  /** How it is started. Default: `startTrainer`, as a process. */
  start?: typeof startTrainer;
  /** Threads for a node, and the GPUs there are for nodes, by device class. */
  devices: Record<string, { threads: number; gpus?: string[] }>;
  stopSeconds: number;
  /** What says where the Hugging Face Hub and an OpenAI-compatible endpoint are, and who asks. Default: this process's environment. */
  env?: NodeJS.ProcessEnv;
}

/** Which node to execute, and on which device class. */
export interface ExecuteInput {
  planDigest: string;
  index: number;
  device: string;
}

/** A node under execution: what its steps share. */
interface Execution {
  node: PlanNode;
  device: string;
  context: Context;
  progress: NodeProgress;
  claim: Claim;
  attempt: Attempt;
  /** The environment that shows its trainer the GPU that it has. */
  env: GpuUse['env'];
}

/**
 * The activity `executeNode`: brings a node to a published artifact, from wherever it stands. Published already: gives
 * that (an acknowledgement that was lost costs nothing). Finished but not published: publishes. Otherwise a trainer is
 * started, which goes on from the newest checkpoint of the unfinished attempt.
 *
 * It heartbeats its progress every second. When it is cancelled, or its worker is shut down, the trainer saves a
 * checkpoint and exits, or is killed after `stopSeconds`, and no hashing of large files keeps it longer. It throws an ApplicationFailure whose type is the kind of
 * failure, and which is retryable as long as trying again has a chance.
 */
export function executeActivity(options: ExecuteOptions) {
  const { home, plans, stopSeconds, devices } = options;
  const takeGpu = shareGpus(process.env);
  return async ({ planDigest, index, device }: ExecuteInput): Promise<{ attempt: number }> => {
    const context = Context.current();
    const node = await plans.node(planDigest, index);
    const published = await findArtifact(home, node.key, node.attempt);
    if (published !== undefined) return { attempt: published.attempt };
    trace.getActiveSpan()?.setAttributes({
      'descent.node': node.address,
      'descent.key': node.key,
      'descent.type': node.type,
      'descent.device': device,
    });
    if (node.accepted) throw failureFor(acceptedGone(node), 1);

    const progress: NodeProgress = { ...notStarted };
    const beating = setInterval(() => context.heartbeat({ ...progress }), 1000);
    try {
      const claim = await claimNode(home, node.key, {
        staleSeconds: (context.info.heartbeatTimeoutMs ?? 30_000) / 1000,
        stopSeconds,
        signal: context.cancellationSignal,
        onWait: () => {
          progress.phase = 'waiting';
        },
      });
      try {
        progress.phase = 'starting';
        const begun = await beginAttempt(home, node, { from: node.attempt ?? 1 });
        if (begun.state === 'published') return { attempt: begun.artifact.attempt };
        trace.getActiveSpan()?.setAttribute('descent.attempt', begun.attempt.number);
        const gpu = isGpuClass(device) ? takeGpu(devices[device]?.gpus) : undefined;
        try {
          const env = gpu?.env ?? {};
          await executeAttempt({ node, device, context, progress, claim, attempt: begun.attempt, env }, options);
        } finally {
          gpu?.release();
        }
        return { attempt: begun.attempt.number };
      } finally {
        claim.release();
      }
    } catch (error) {
      if (context.cancellationSignal.aborted)
        throw stopped(context, `it was stopped at step ${progress.step}, and goes on from its newest checkpoint`);
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

async function executeAttempt(execution: Execution, options: ExecuteOptions): Promise<void> {
  const { node, attempt, context, progress } = execution;
  const { home } = options;
  const step = latestCheckpoint(attempt.folder)?.step ?? 0;
  Object.assign(progress, { attempt: attempt.number, step });
  const from = { attempt: attempt.number, step };
  const tries = triesFrom(home, node.key, from) + 1;
  // A first execution is noted when it has failed, which most do not; should its worker be killed, it is not counted.
  if (attempt.executions > 1) noteTries(home, node.key, { ...from, count: tries });
  // What a trainer has finished counts, though it is to stop, where that takes no longer than saving may.
  const inTime = leaveIn(options.stopSeconds, context.cancellationSignal);
  try {
    if (tries > mostTriesOfAny) {
      throw new NodeError('killed', `${node.address}: its worker died ${tries - 1} times at step ${step}`);
    }
    const parents = await findParents(home, node);
    const { started, done, adopted } = await bringToEnd(execution, options, parents, tries);
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
    await publish(attempt, publication, inTime);
    forgetTries(home, node.key);
    removeOutputs(attempt.folder);
  } catch (error) {
    if (context.cancellationSignal.aborted) {
      forgetTries(home, node.key);
      throw error;
    }
    const failure = failureFor(error, tries);
    if (failure.nonRetryable) forgetTries(home, node.key);
    else noteTries(home, node.key, { ...from, count: tries });
    throw failure;
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

async function findParents(home: string, node: PlanNode): Promise<Record<string, Artifact>> {
  const found = await Promise.all(
    Object.entries(node.parents).map(async ([role, key]) => {
      const artifact = await findArtifact(home, key);
      if (artifact !== undefined) return [role, artifact] as const;
      const message = `${node.address} needs its ${role}, ${key.slice(0, 12)}, which is gone from the store or damaged`;
      throw new NodeError('no-parent', `${message}: run the lineage again`);
    }),
  );
  return Object.fromEntries(found);
}

/** What an execution came to. */
interface Made {
  started: StartedEvent;
  done: DoneEvent;
  adopted?: NonNullable<Manifest['provenance']['adopted']>;
}

/** Prepares the data, adopts the model or runs the trainer, unless an execution before this one got to the end already. */
async function bringToEnd(
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
  const before = attempt.executions === 1 ? {} : await collectEvents(attempt.folder);
  // Not more often than twice: should what it left be unfit to publish, the trainer has to make it anew.
  if (tries > 2 || !isComplete(before, attempt.folder)) return await train(execution, options, parents);
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

/** What is wrong with a node's parents, all their files hashed again; undefined where nothing is. Rejects when it is aborted. */
async function findDamage(parents: Record<string, Artifact>, signal: AbortSignal): Promise<string | undefined> {
  for (const [role, artifact] of Object.entries(parents)) {
    const found = await verifyArtifact(artifact, () => signal.throwIfAborted());
    if (!found.ok) return `its ${role}, ${artifact.key.slice(0, 12)}, is damaged: ${found.reason}`;
  }
  return undefined;
}

/** What was made from a damaged parent would look like any other, and stay: it is removed, and the node fails. */
function refuseDamaged({ node, attempt }: Execution, damage: string | undefined): void {
  if (damage === undefined) return;
  emptyAttempt(attempt);
  throw new NodeError('no-parent', `${node.address} cannot go on: ${damage}. Run the lineage again`);
}

function isComplete(said: Said, folder: string): said is { started: StartedEvent; last: DoneEvent } {
  if (said.started === undefined || said.last?.event !== 'done') return false;
  return said.last.model === null || existsSync(join(folder, said.last.model));
}

async function train(
  execution: Execution,
  { home, trainer: command, start = startTrainer, devices, stopSeconds, env: outside = process.env }: ExecuteOptions,
  parents: Record<string, Artifact>,
): Promise<{ started: StartedEvent; done: DoneEvent }> {
  const { node, device, context, progress, claim, attempt, env } = execution;
  const responses = await earlierResponses(home, node);
  const job = jobFor(node, { attempt, parents, device, threads: devices[device]?.threads ?? 1, responses });
  const jobPath = join(attempt.folder, 'job.json');
  writeNote(jobPath, job);
  context.cancellationSignal.throwIfAborted();

  const killsBefore = outOfMemoryKills();
  let damage: string | undefined;
  let checked: Promise<void> | undefined;
  const check = async (): Promise<void> => {
    damage = await findDamage(parents, context.cancellationSignal);
  };
  const trainer = await start({
    command,
    jobPath,
    folder: attempt.folder,
    execution: attempt.executions,
    stopSeconds,
    env: { ...env, ...endpointEnvironment(job, outside) },
    onEvent: (event) => {
      follow(progress, event);
      // What it starts from is in its memory now: parents that are whole after that were whole when they were read.
      if (event.event !== 'started' || checked !== undefined) return;
      checked = check();
      // Awaited when the trainer has ended; until then a rejection is not unhandled.
      checked.catch(() => undefined);
    },
  });
  let timedOut = false;
  const stop = (): void => {
    progress.phase = 'saving';
    trainer.stop();
  };
  // Looked at and not waited for: a timer holds at most 24 days.
  const deadline = performance.now() + node.placement.timeoutSeconds * 1000;
  const watching = setInterval(() => {
    if (context.cancellationSignal.aborted) return;
    timedOut ||= performance.now() > deadline;
    if (timedOut || damage !== undefined) stop();
  }, 500);
  context.cancellationSignal.addEventListener('abort', stop);
  if (context.cancellationSignal.aborted) stop();
  try {
    if (trainer.process !== null) claim.nameTrainer(trainer.process);
    const end = await trainer.ended;
    await checked;
    refuseDamaged(execution, damage);
    const { started, last } = end.said;
    if (started !== undefined && last?.event === 'done') return { started, done: last };
    if (timedOut) throw timeoutOf(node);
    throw errorOf(node, end, {
      memoryRanOut: outOfMemoryKills() > killsBefore,
      diskRanOut: end.said.half === true || isDiskFull(attempt.folder),
    });
  } catch (error) {
    if (error instanceof BadEventError) {
      const diskRanOut = error.cutOff || isDiskFull(attempt.folder);
      throw diskRanOut ? diskFullOf(node) : new NodeError('bad-events', `${node.address}: ${error.message}`);
    }
    if ((error as NodeJS.ErrnoException).syscall?.startsWith('spawn')) {
      throw new NodeError(
        'no-trainer',
        `${node.address}: cannot start the trainer \`${command.join(' ')}\`: ${(error as Error).message}`,
      );
    }
    throw error;
  } finally {
    clearInterval(watching);
    context.cancellationSignal.removeEventListener('abort', stop);
  }
}

function follow(progress: NodeProgress, event: TrainerEvent): void {
  if (progress.phase === 'starting') progress.phase = 'running';
  if (event.event === 'started') Object.assign(progress, { steps: event.steps, step: event.resumedFrom ?? 0 });
  if (event.event === 'metrics') Object.assign(progress, { step: event.step, values: event.values });
  if (event.event === 'progress') {
    const { event: _, ...newest } = event;
    Object.assign(progress, newest);
  }
}

/**
 * What went wrong, of a trainer that ended without `done`. `memoryRanOut`: the kernel killed for want of it meanwhile.
 * `diskRanOut`: there is no room for events, or half of one was left.
 */
function errorOf(
  node: PlanNode,
  { said: { last }, code, signal, lastLines }: TrainerEnd,
  { memoryRanOut, diskRanOut }: { memoryRanOut: boolean; diskRanOut: boolean },
): NodeError {
  const { address } = node;
  if (last?.event === 'failed') return new NodeError(last.kind, `${address}: ${last.message}`, lastLines);
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

function diskFullOf({ address }: PlanNode, lastLines: string[] = []): NodeError {
  const message = `${address}: the disk is full, and its trainer's events were cut off`;
  return new NodeError('disk-full', `${message}. Free some space: it goes on from its newest checkpoint`, lastLines);
}

function timeoutOf({ address, placement }: PlanNode): NodeError {
  const message = `${address} took longer than its timeout of ${placement.timeoutSeconds} s; its newest checkpoint is kept`;
  return new NodeError('timed-out', `${message}. Raise \`timeout\` in its placement and run again`);
}
