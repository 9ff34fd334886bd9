import { closeSync, openSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Attempt } from '../../store/attempt.ts';
import type { QueueReason } from '../../workflows/messages.ts';
import { BadEventError, errorsPath, followEvents, lastLines, outputPath, type Said } from '../events.ts';
import { NodeError } from '../failures.ts';
import type { ClusterEnd, Trainer, TrainerEnd, TrainerStart } from '../trainer.ts';
import type { JobName, JobState, Launcher } from './launcher.ts';
import {
  forgetLaunch,
  hasBegun,
  type JobEnd,
  launchPath,
  newestOfJob,
  readEnd,
  readLaunch,
  writeLaunch,
} from './notes.ts';

/** What running a trainer as a cluster's job needs. */
export interface LaunchStart extends Omit<TrainerStart, 'folder' | 'execution'> {
  launcher: Launcher;
  device: string;
  /** Of the node, as messages name it. */
  address: string;
  /** Where its cluster starts the job again, it becomes that execution. */
  attempt: Attempt;
  /** Told whether the job waits in its cluster's queue, again and again: also of one that its cluster put back there. */
  onPhase(phase: 'queued' | 'starting', queue?: QueueReason): void;
}

/** A job whose worker follows it no further. */
export class LeftError extends Error {
  override name = 'LeftError';
}

/** How often the job's notes are looked at, at most: they lie in a folder that many machines may share. */
const lookSeconds = 1;
/** So long what a job wrote last may take to be seen here, over a network's file system. */
const arrivalMs = 5000;
/** So much longer than its trainer a job may take to end once it is asked to. */
const endingSeconds = 30;

/**
 * Runs a trainer as a job of a cluster: hands it in, or joins the one that the attempt's execution was handed in as before,
 * and follows what it says. What the job needs lies in the attempt's folder, which its machine sees too.
 */
export async function launchTrainer(start: LaunchStart): Promise<Trainer> {
  const { launcher, attempt, stopSeconds, onEvent, onPhase } = start;
  const { folder } = attempt;
  const first = attempt.firstOfJob ?? attempt.executions;
  const job = readLaunch(folder, first)?.job ?? (await handIn(start).catch(blame(start.address)));

  let asked = false;
  let stopBy = Number.POSITIVE_INFINITY;
  const soonest = Math.min(lookSeconds, launcher.pollSeconds);
  const leaving = new AbortController();
  const stop = (): void => {
    if (asked) return;
    asked = true;
    stopBy = performance.now() + stopSeconds * 1000;
  };

  /** Waits until an execution of the job is over, or the job. */
  const over = async (execution: number): Promise<Over> => {
    let [lookAt, askAt, stopped, ended] = [0, 0, false, false];
    let seen: JobState = { phase: 'queued' };
    let endedAt = Number.POSITIVE_INFINITY;
    for (;;) {
      if (leaving.signal.aborted) throw new LeftError(`its job ${job.name} goes on, and is found again`);
      const newest = newestOfJob(folder, first);
      if (newest !== undefined && newest.execution > execution) return { again: newest };
      const end = readEnd(folder, execution);
      if (end !== undefined && (asked || isLastWord(end))) return { end, by: null, words: '' };
      const now = performance.now();
      if (asked && now >= askAt) {
        // A cluster that does not answer now may do so in a moment.
        askAt = now + 2000;
        if (!stopped) stopped = await succeeds(launcher.stop(job));
        if (!ended && now > stopBy + endingSeconds * 1000) ended = await succeeds(launcher.end(job));
      }
      if (now > stopBy + 4 * endingSeconds * 1000) {
        throw new NodeError('no-cluster', `its job ${job.name} was asked to end and does not: end it by hand`);
      }
      if (now >= lookAt) {
        seen = (await unlessAborted(launcher.look(job), leaving.signal)) ?? seen;
        lookAt = performance.now() + (asked ? soonest : launcher.pollSeconds) * 1000;
        if (seen.phase !== 'ended') endedAt = Number.POSITIVE_INFINITY;
        // What was asked of many jobs together may be older than the trainer.
        if (seen.phase === 'queued' && (end !== undefined || !hasBegun(folder, execution)))
          onPhase('queued', seen.queue);
        if (seen.phase === 'running') onPhase('starting');
      }
      if (seen.phase === 'ended') {
        endedAt = Math.min(endedAt, performance.now());
        if (end !== undefined || performance.now() > endedAt + arrivalMs) return { end, ...seen };
      }
      await sleep(soonest * 1000, undefined, { signal: leaving.signal }).catch(() => undefined);
    }
  };

  const follow = async (): Promise<TrainerEnd> => {
    let said: Said = {};
    for (;;) {
      const { executions: execution } = attempt;
      // It may not have begun yet.
      closeSync(openSync(outputPath(folder, execution), 'a'));
      const isOver = over(execution);
      isOver.catch(() => undefined);
      try {
        said = { ...said, ...(await followEvents(folder, execution, isOver, onEvent)) };
      } catch (error) {
        stop();
        await isOver;
        throw error;
      }
      const how = await isOver;
      if ('again' in how) {
        Object.assign(attempt, { executions: how.again.execution, token: how.again.token, firstOfJob: first });
        delete said.half;
        continue;
      }
      if (how.end?.error !== undefined)
        throw new NodeError('no-trainer', `its job cannot start the trainer: ${how.end.error}`);
      return endOf(how, { launcher, job, said, folder, execution });
    }
  };
  const ended = follow()
    .then(
      (end) => {
        // What it came to counts once.
        forgetLaunch(folder, first);
        return end;
      },
      (error) => {
        // Of one that is left, and of one whose following failed, it is not known yet.
        if (error instanceof NodeError || error instanceof BadEventError) forgetLaunch(folder, first);
        throw error;
      },
    )
    .catch(blame(start.address));
  ended.catch(() => undefined);
  return { process: null, stop, leave: () => leaving.abort(), ended };
}

/** What is waited for, or undefined once the signal is aborted. */
function unlessAborted<T>(waiting: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const leave = (): void => resolve(undefined);
    signal.addEventListener('abort', leave);
    waiting.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}

/** Names the node in what a person is told. */
function blame(address: string): (error: unknown) => never {
  return (error) => {
    throw error instanceof NodeError
      ? new NodeError(error.kind, `${address}: ${error.message}`, error.lastLines)
      : error;
  };
}

function succeeds(doing: Promise<void>): Promise<boolean> {
  return doing.then(
    () => true,
    (error) => {
      if (error instanceof NodeError) return false;
      throw error;
    },
  );
}

/**
 * Whether how a trainer ended needs no word of its cluster: one that was asked to stop may be started again by it, and one
 * that was killed may have taken more memory than its job has.
 */
function isLastWord({ asked, signal }: JobEnd): boolean {
  return asked === null && signal === null;
}

/** How an execution came to its end: its job was started again, or has ended. */
type Over =
  | { again: { execution: number; token: string } }
  | { end: JobEnd | undefined; by: ClusterEnd | null; words: string };

async function handIn({
  launcher,
  attempt,
  device,
  command,
  jobPath,
  stopSeconds,
  env = {},
}: LaunchStart): Promise<JobName> {
  const { folder, key, number, executions: execution, token } = attempt;
  let name: JobName | undefined;
  await launcher.submit({
    name: `descent-${key.slice(0, 12)}-${number}-${execution}-${token.slice(0, 8)}`,
    notePath: launchPath(folder, execution),
    env,
    write(job) {
      name = job;
      writeLaunch({ command, jobPath, folder, execution, stopSeconds, job, device });
    },
  });
  return name as JobName;
}

/** A job that has ended, and what its trainer said. */
interface FollowedJob {
  launcher: Launcher;
  job: JobName;
  said: Said;
  folder: string;
  execution: number;
}

function endOf(
  { end, by, words }: Extract<Over, { by: ClusterEnd | null }>,
  { launcher, job, said, folder, execution }: FollowedJob,
): TrainerEnd {
  const ofJob = job.log === undefined ? [] : lastLines(job.log, 20);
  // Of most jobs it says nothing.
  if (job.log !== undefined && ofJob.length === 0) rmSync(job.log, { force: true });
  const ofTrainer = lastLines(errorsPath(folder, execution), 20);
  const last = ofTrainer.length > 0 ? ofTrainer : ofJob;
  const limit = { kind: 'time-limit', message: 'its job was asked to end, as its time was up' } as const;
  const killed = end === undefined || end.signal !== null;
  const byCluster = by ?? (end?.asked === 'limit' ? limit : killed ? launcher.readLog?.(ofJob) : null) ?? undefined;
  if (byCluster === undefined && !hasBegun(folder, execution)) {
    throw new NodeError('no-trainer', `its job ${words} before it started the trainer`, last);
  }
  const { code, signal } = end ?? { code: null, signal: 'SIGKILL' as const };
  return { said, code, signal, byCluster, memoryRanOut: end?.memoryRanOut === true, lastLines: last };
}
