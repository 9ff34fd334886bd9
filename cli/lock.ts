import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isRunning, type ProcessRecord, recordProcess } from '../activities/processes.ts';
import { makeFolder, writeNew } from '../store/write.ts';

/*
 * One process at a time, also after one was killed. The lock is the highest of the files `lock-1`, `lock-2`, ... whose
 * process lives. Whoever finds the highest one dead tries to make the next, which succeeds for exactly one. Files are
 * never reused, so there is no moment in which a dead lock is removed and a living one could be hit.
 */

/** Takes the lock in a folder for this process, until it ends. False where another process has it. */
export async function takeLock(folder: string): Promise<boolean> {
  const record = recordProcess(process.pid);
  if (record === undefined) throw new Error('this process is not in the list of processes');
  await makeFolder(folder);
  const newest = (await locksIn(folder))[0];
  if (newest !== undefined && (await isHeld(folder, newest))) return false;
  const mine = (newest ?? 0) + 1;
  if (!(await writeNew(lockPath(folder, mine), `${JSON.stringify(record)}\n`))) return false;
  // Somebody may have taken and passed this number, and removed it, while we looked: then theirs is higher.
  const others = (await locksIn(folder)).filter((number) => number !== mine);
  if (others.some((number) => number > mine)) {
    await rm(lockPath(folder, mine), { force: true });
    return false;
  }
  for (const number of others) await rm(lockPath(folder, number), { force: true });
  return true;
}

async function isHeld(folder: string, number: number): Promise<boolean> {
  try {
    return isRunning(JSON.parse(await readFile(lockPath(folder, number), 'utf8')) as ProcessRecord);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Numbers of the lock files, highest first. */
async function locksIn(folder: string): Promise<number[]> {
  return (await readdir(folder))
    .map((name) => Number(/^lock-(\d+)$/.exec(name)?.[1] ?? 0))
    .filter((number) => number > 0)
    .sort((a, b) => b - a);
}

function lockPath(folder: string, number: number): string {
  return join(folder, `lock-${number}`);
}
