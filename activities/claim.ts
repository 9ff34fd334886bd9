import { randomUUID } from 'node:crypto';
import { renameSync, rmSync, statSync } from 'node:fs';
import { utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { keyFolder } from '../store/home.ts';
import { readNote, writeNewNote, writeNote } from '../store/notes.ts';
import { endProcess, isRunning, type ProcessRecord, recordProcess } from './processes.ts';

/*
 * Who executes a node now: `store/<key>/running.json`, with the worker's process and the trainer's, touched while they
 * live. It keeps executions apart that would otherwise take the lease from each other for ever: two lineages that want
 * the same evaluation, or a retry beside an execution that only lost touch with the server. The lease is what makes it
 * safe: should two get past this file, one of them is fenced.
 */

/** The right to execute a node, for as long as nobody has reason to think that this worker is gone. */
export interface Claim {
  /** Writes down the trainer, so that whoever comes after this worker can end it. */
  nameTrainer(trainer: ProcessRecord): void;
  release(): void;
}

interface Running {
  /** Of this claim. */
  id: string;
  host: string;
  worker: ProcessRecord;
  trainer: ProcessRecord | null;
}

export interface ClaimOptions {
  /** A claim that nobody touches for this long, while it is waited for, is taken over. */
  staleSeconds: number;
  /** How long a trainer whose worker is gone may take to save a checkpoint. */
  stopSeconds: number;
  /** Cancels the waiting. */
  signal: AbortSignal;
  /** Told while another execution of the node runs. */
  onWait(): void;
}

/**
 * Claims a node. Waits while another execution of it is alive; ends what a killed worker left behind, giving its
 * trainer time to save. Throws the signal's reason when it is aborted.
 */
export async function claimNode(home: string, key: string, options: ClaimOptions): Promise<Claim> {
  const path = join(keyFolder(home, key), 'running.json');
  const mine: Running = { id: randomUUID(), host: hostname(), worker: ownRecord(), trainer: null };
  const isUntouched = watchTouches(options.staleSeconds);
  while (!writeNewNote(path, mine)) {
    const other = readRunning(path);
    if (other === undefined) continue;
    if (isHere(other) && !isUntouched(other)) {
      options.onWait();
      await sleep(200, undefined, { signal: options.signal });
      continue;
    }
    await endOrphan(other, options);
    takeAway(path, other);
  }

  const touching = setInterval(
    () => {
      const now = new Date();
      // Gone when another took it over: then the lease is lost as well, and that is what is acted on.
      utimes(path, now, now).catch(() => undefined);
    },
    (options.staleSeconds * 1000) / 6,
  );
  return {
    nameTrainer(trainer) {
      mine.trainer = trainer;
      writeNote(path, mine);
    },
    release() {
      clearInterval(touching);
      if (readRunning(path)?.id === mine.id) rmSync(path, { force: true });
    },
  };
}

/** Whether a worker executes the node now, as far as one look can tell. */
export function isExecuted(home: string, key: string): boolean {
  return isClaimed(keyFolder(home, key));
}

/**
 * isExecuted of a key's folder, wherever it lies now. A claim of another machine, whose clock may be another, counts for a
 * day after it was touched last: who asks would rather leave alone what is nobody's than touch what is somebody's.
 */
export function isClaimed(folder: string): boolean {
  const running = readRunning(join(folder, 'running.json'));
  if (running === undefined) return false;
  if (running.host === hostname()) return isRunning(running.worker);
  return Date.now() - running.touchedAt < 24 * 3600 * 1000;
}

function ownRecord(): ProcessRecord {
  const record = recordProcess(process.pid);
  if (record === undefined) throw new Error('this process is not in the list of processes');
  return record;
}

type Found = Running & { touchedAt: number };

function readRunning(path: string): Found | undefined {
  const running = readNote<Running>(path);
  if (running === undefined) return undefined;
  const touched = statSync(path, { throwIfNoEntry: false });
  return touched && { ...(running ?? nobody), touchedAt: touched.mtimeMs };
}

/** Who holds a claim that cannot be read. */
const nobody: Running = { id: '', host: hostname(), worker: { pid: 0, started: '' }, trainer: null };

/** Whether its worker may be alive, as far as processes tell. */
function isHere({ host, worker }: Running): boolean {
  return host !== hostname() || isRunning(worker);
}

/**
 * Whether a claim has been watched for so many seconds, look by look, and nobody touched it. No time of day is compared:
 * machines that share a store have clocks of their own, and clocks are set.
 */
function watchTouches(seconds: number): (claim: Found) => boolean {
  let seen: { id: string; touchedAt: number; since: number } | undefined;
  return ({ id, touchedAt }) => {
    if (seen?.id === id && seen.touchedAt === touchedAt) return performance.now() - seen.since > seconds * 1000;
    seen = { id, touchedAt, since: performance.now() };
    return false;
  };
}

async function endOrphan({ host, trainer }: Running, { stopSeconds, onWait }: ClaimOptions): Promise<void> {
  if (trainer === null || host !== hostname()) return;
  const waiting = setInterval(onWait, 500);
  try {
    await endProcess(trainer, stopSeconds * 1000, { group: true });
  } finally {
    clearInterval(waiting);
  }
}

/** Renamed before it is removed: of several that take it away, each sees whether it was still the one it looked at. */
function takeAway(path: string, stale: Running): void {
  const aside = `${path}.${process.pid}.tmp`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const taken = readRunning(aside);
  const other = taken?.id === stale.id ? undefined : readNote<Running>(aside);
  if (other) writeNewNote(path, other);
  rmSync(aside, { force: true });
}
