import { statSync } from 'node:fs';
import { readdir, readFile, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning, type ProcessRecord, recordProcess } from '../activities/processes.ts';
import { machineName } from '../store/machine.ts';
import { watchTouches } from '../store/touches.ts';
import { makeFolder, writeNew, writeWhole } from '../store/write.ts';

/*
 * One process at a time, also after one was killed. The lock is the highest of the files `lock-1`, `lock-2`, ... whose
 * process lives. Whoever finds the highest one dead tries to make the next, which succeeds for exactly one. Files are
 * never reused, so there is no moment in which a dead lock is removed and a living one could be hit.
 *
 * Whether a process lives is known on its own machine only, so it touches its file, and others watch that, as with claims
 * (`activities/claim.ts`).
 */

/** Who has a lock. */
export interface LockHolder {
  machine: string;
  process: ProcessRecord;
}

/** A lock's file; null where whoever had it has given it back. */
type Written = LockHolder | null;

const touchEveryMs = 1000;
/** A lock of another machine that nobody touched for this long, while it was watched, is nobody's. */
const staleSeconds = 10;

/** Takes the lock in a folder for this process, until it ends. False where another process has it. */
export async function takeLock(folder: string): Promise<boolean> {
  const record = recordProcess(process.pid);
  if (record === undefined) throw new Error('this process is not in the list of processes');
  await makeFolder(folder);
  const { number, holder } = await newestLock(folder);
  if (holder !== undefined) return false;
  const mine = number + 1;
  const path = lockPath(folder, mine);
  if (!(await writeNew(path, asText({ machine: machineName(), process: record })))) return false;
  // Somebody may have taken and passed this number, and removed it, while we looked: then theirs is higher.
  const others = (await locksIn(folder)).filter((other) => other !== mine);
  if (others.some((other) => other > mine)) {
    await rm(path, { force: true });
    return false;
  }
  for (const other of others) await rm(lockPath(folder, other), { force: true });
  const touch = async (): Promise<void> => {
    const now = new Date();
    await utimes(path, now, now);
  };
  // A touch that fails is no loss yet: those who watch the file see it untouched, and count the time.
  setInterval(() => touch().catch(() => undefined), touchEveryMs).unref();
  return true;
}

/** Whether this process has the lock in a folder: one that stood still may find that another machine's took it over. */
export async function hasLock(folder: string): Promise<boolean> {
  const [newest = 0] = await locksIn(folder);
  const { written } = await readLock(lockPath(folder, newest));
  return written?.machine === machineName() && written.process.pid === process.pid;
}

/** Gives back the lock, where this process still has it, so that other machines need not watch whether somebody still has it. */
export async function giveBackLock(folder: string): Promise<void> {
  if (!(await hasLock(folder))) return;
  const [newest = 0] = await locksIn(folder);
  await writeWhole(lockPath(folder, newest), asText(null));
}

/** Who has the lock in a folder; undefined where nobody has. Takes seconds where a process of another machine had it last. */
export async function lockHolder(folder: string): Promise<LockHolder | undefined> {
  return (await newestLock(folder)).holder;
}

/** The highest lock, and who has it; number 0 where there is none yet. */
async function newestLock(folder: string): Promise<{ number: number; holder: LockHolder | undefined }> {
  const watch = watchTouches(staleSeconds);
  for (;;) {
    const [number = 0] = await locksIn(folder);
    const { written, touchedAt } = await readLock(lockPath(folder, number));
    if (written === null) return { number, holder: undefined };
    if (written.machine === machineName()) {
      return { number, holder: isRunning(written.process) ? written : undefined };
    }
    const look = watch({ id: String(number), touchedAt });
    if (look !== 'unknown') return { number, holder: look === 'touched' ? written : undefined };
    await sleep(200);
  }
}

/** What a lock's file says, and when it was touched; of one that is gone, that nobody has it. */
async function readLock(path: string): Promise<{ written: Written; touchedAt: number }> {
  try {
    const written = JSON.parse(await readFile(path, 'utf8')) as Written;
    return { written, touchedAt: statSync(path).mtimeMs };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { written: null, touchedAt: 0 };
    throw error;
  }
}

/** Numbers of the lock files, highest first. */
async function locksIn(folder: string): Promise<number[]> {
  return (await namesIn(folder))
    .map((name) => Number(/^lock-(\d+)$/.exec(name)?.[1] ?? 0))
    .filter((number) => number > 0)
    .sort((a, b) => b - a);
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function asText(written: Written): string {
  return `${JSON.stringify(written)}\n`;
}

function lockPath(folder: string, number: number): string {
  return join(folder, `lock-${number}`);
}
