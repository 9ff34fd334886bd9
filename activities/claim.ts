import { randomUUID } from 'node:crypto';
import { renameSync, rmSync, statSync } from 'node:fs';
import { utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { keyFolder, writerPath } from '../store/home.ts';
import { machineName } from '../store/machine.ts';
import { readNote, writeNewNote, writeNote } from '../store/notes.ts';
import { watchTouches } from '../store/touches.ts';
import { temporaryFor } from '../store/write.ts';
import { endProcess, isRunning, type ProcessRecord, recordProcess } from './processes.ts';

/*
 * Who does what only one may do at a time: a file with the worker's process, touched while that lives. On the same
 * machine a process that has ended is known by its id and start time; one that stands still, or is of another machine,
 * by how long its file was watched untouched.
 *
 * `store/<key>/running.json` is of who executes a node. It keeps executions apart that would otherwise take the lease
 * from each other for ever: two lineages that want the same evaluation, or a retry beside an execution that only lost
 * touch with the server. `store/<key>/fetching.json` is of who brings a node's files from the object storage, and
 * `results.writer.json` of the one worker that writes to DuckDB.
 *
 * A process that stood still may wake and not know yet that its claim went to another. So a claim alone makes nothing
 * safe: an attempt has its lease, and who writes results looks at the claim once more before the commit.
 */

/** The right to do something, for as long as nobody has reason to think that this worker is gone. */
export interface Claim {
  /** Whether it still is this worker's, by a look at the file. */
  isHeld(): boolean;
  /** Aborted when another was found to have it, which takes a worker that wakes a moment. */
  lost: AbortSignal;
  /** Writes down, now or at the next touch, the trainer that works for it, so that whoever comes after can end it. */
  nameTrainer(trainer: ProcessRecord): void;
  release(): void;
}

interface Running {
  /** Of this claim. */
  id: string;
  /** Name of the machine. */
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
  /** Told while another has it, again and again. */
  onWait(): void;
}

/**
 * Claims a node. Waits while another execution of it is alive; ends what a killed worker left behind, giving its
 * trainer time to save. Throws the signal's reason when it is aborted.
 */
export function claimNode(home: string, key: string, options: ClaimOptions): Promise<Claim> {
  return takeClaim(nodeClaimPath(keyFolder(home, key)), options);
}

/** Claims the right to write to a home's DuckDB, which one worker has until it ends or is lost. Waits, and throws, as claimNode. */
export function claimResults(home: string, options: Pick<ClaimOptions, 'staleSeconds' | 'signal'>): Promise<Claim> {
  return takeClaim(writerPath(home), { ...options, stopSeconds: 0, onWait: () => undefined });
}

/** Claims the right to bring a node's files from the object storage. Waits, and throws, as claimNode. */
export function claimFetch(home: string, key: string, options: Omit<ClaimOptions, 'stopSeconds'>): Promise<Claim> {
  return takeClaim(join(keyFolder(home, key), 'fetching.json'), { ...options, stopSeconds: 0 });
}

async function takeClaim(path: string, options: ClaimOptions): Promise<Claim> {
  const mine: Running = { id: randomUUID(), host: machineName(), worker: ownRecord(), trainer: null };
  const watch = watchTouches(options.staleSeconds);
  for (;;) {
    // A look costs less than a try, and a worker that stands by looks for weeks.
    const other = readRunning(path);
    if (other === undefined && writeNewNote(path, mine)) break;
    if (other !== undefined && (!isHere(other) || watch(other) === 'untouched')) {
      await endOrphan(other, options);
      takeAway(path, other);
    } else {
      options.onWait();
      await sleep(200, undefined, { signal: options.signal });
    }
  }

  const losing = new AbortController();
  let written = true;
  let missing = false;
  const isHeld = (): boolean => readRunning(path)?.id === mine.id;
  const write = (): void => {
    if (written || !isHeld()) return;
    writeNote(path, mine);
    written = true;
  };
  const touch = async (): Promise<void> => {
    const other = readRunning(path);
    if (other?.id === mine.id) {
      missing = false;
      const now = new Date();
      await utimes(path, now, now);
      return write();
    }
    // Who takes a stale claim away, and sees that it has become this one, puts it back: it is lost when it stays away.
    if (other === undefined && !missing) {
      missing = true;
      return;
    }
    clearInterval(touching);
    losing.abort();
  };
  // A touch that fails is no loss yet: those who watch the file see it untouched, and count the time.
  const touching = setInterval(() => touch().catch(() => undefined), (options.staleSeconds * 1000) / 6);
  return {
    isHeld,
    lost: losing.signal,
    nameTrainer(trainer) {
      mine.trainer = trainer;
      written = false;
      write();
    },
    release() {
      clearInterval(touching);
      if (isHeld()) rmSync(path, { force: true });
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
  const running = readRunning(nodeClaimPath(folder));
  if (running === undefined) return false;
  if (running.host === machineName()) return isRunning(running.worker);
  return Date.now() - running.touchedAt < 24 * 3600 * 1000;
}

/** Where a node's claim lies, in its key's folder. */
function nodeClaimPath(folder: string): string {
  return join(folder, 'running.json');
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
const nobody: Running = { id: '', host: machineName(), worker: { pid: 0, started: '' }, trainer: null };

/** Whether its worker may be alive, as far as processes tell. */
function isHere({ host, worker }: Running): boolean {
  return host !== machineName() || isRunning(worker);
}

async function endOrphan({ host, trainer }: Running, { stopSeconds, onWait }: ClaimOptions): Promise<void> {
  if (trainer === null || host !== machineName()) return;
  const waiting = setInterval(onWait, 500);
  try {
    await endProcess(trainer, stopSeconds * 1000, { group: true });
  } finally {
    clearInterval(waiting);
  }
}

/**
 * Looks again, since ending a trainer takes its time: another may have taken it away meanwhile, or its worker be awake.
 * Renamed before it is removed: of several that take it away at once, each sees whether it was still the one it looked at.
 */
function takeAway(path: string, stale: Found): void {
  const now = readRunning(path);
  if (now?.id !== stale.id || now.touchedAt !== stale.touchedAt) return;
  const aside = temporaryFor(path);
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
