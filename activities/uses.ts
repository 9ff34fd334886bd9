import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { machineName } from '../store/machine.ts';
import { readNote, writeNote } from '../store/notes.ts';
import { isRunning, type ProcessRecord, recordProcess } from './processes.ts';

/*
 * Who reads the files of a node now: `store/<key>/uses/<id>.json`, one for each execution that starts from it. What is used
 * is not removed to keep the cache within its limit.
 */

interface Use {
  /** Name of the machine. */
  host: string;
  worker: ProcessRecord | null;
}

/** How often a use is touched, and after how long one of another machine counts no more. */
const [touchEveryMs, staleMs] = [10 * 60_000, 24 * 3600_000];

/** Says that this process reads the files of a key's folder, until what it gives is called. */
export function beginUse(keyFolder: string): () => void {
  const path = join(usesFolder(keyFolder), `${randomUUID()}.json`);
  writeNote(path, { host: machineName(), worker: recordProcess(process.pid) ?? null } satisfies Use);
  const touching = setInterval(() => {
    const now = new Date();
    // Removed with its node: then there is nothing left to use.
    if (existsSync(path)) utimesSync(path, now, now);
  }, touchEveryMs);
  touching.unref();
  return () => {
    clearInterval(touching);
    rmSync(path, { force: true });
  };
}

/** Whether somebody reads the files of a key's folder. What a process of this machine left that has ended is removed. */
export function isUsed(keyFolder: string): boolean {
  const folder = usesFolder(keyFolder);
  if (!existsSync(folder)) return false;
  return readdirSync(folder).some((name) => {
    const path = join(folder, name);
    const use = readNote<Use>(path);
    if (use === undefined || !name.endsWith('.json')) return false;
    if (use?.host === machineName() && use.worker !== null) {
      if (isRunning(use.worker)) return true;
      rmSync(path, { force: true });
      return false;
    }
    const touched = statSync(path, { throwIfNoEntry: false });
    return touched !== undefined && Date.now() - touched.mtimeMs < staleMs;
  });
}

function usesFolder(keyFolder: string): string {
  return join(keyFolder, 'uses');
}
