import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { newestWhole } from './artifact.ts';
import { attemptFolder, attemptNumbers, keyFolder } from './home.ts';

/** Something in the store that nobody needs: all there is of a key, or one attempt of a key that stays. */
export interface Garbage {
  key: string;
  /** Null for the whole key. */
  attempt: number | null;
  /** The newer attempt that is served in place of this one; null for a whole key. */
  replacedBy: number | null;
  /** What its files take. */
  bytes: number;
}

/** What garbage is looked for among, and what is none. */
export interface Keeping {
  /**
   * The keys of the store, listed before anybody found out what is needed: what is begun later is not among them, and a
   * plan is frozen before anything of it is begun.
   */
  keys: readonly string[];
  /** Keys of which everything stays. */
  untouched: ReadonlySet<string>;
  /** Keys that stay, but of which older attempts may go. */
  needed: ReadonlySet<string>;
  /** Whether attempts are garbage which a newer whole one replaces. */
  attempts: boolean;
}

/**
 * What of the store nobody needs, the largest first. A key whose folder is a link to elsewhere is left alone: see isLink.
 * Reads sizes, and follows no link.
 */
export function findGarbage(home: string, { keys, untouched, needed, attempts }: Keeping): Garbage[] {
  const found: Garbage[] = [];
  for (const key of keys) {
    if (untouched.has(key) || isLink(home, key)) continue;
    if (!needed.has(key)) {
      found.push({ key, attempt: null, replacedBy: null, bytes: sizeOf(keyFolder(home, key)) });
      continue;
    }
    const whole = attempts ? newestWhole(home, key) : undefined;
    for (const attempt of attemptNumbers(home, key)) {
      if (whole === undefined || attempt >= whole.attempt) continue;
      const bytes = sizeOf(attemptFolder(home, key, attempt));
      found.push({ key, attempt, replacedBy: whole.attempt, bytes });
    }
  }
  return found.sort(
    (a, b) => b.bytes - a.bytes || (a.key < b.key ? -1 : a.key > b.key ? 1 : (a.attempt ?? 0) - (b.attempt ?? 0)),
  );
}

/** Whether what stands under a key is no folder of the store's own: a link, which may lead anywhere, or a file. */
export function isLink(home: string, key: string): boolean {
  return lstatSync(keyFolder(home, key), { throwIfNoEntry: false })?.isDirectory() === false;
}

/** Bytes of all files in a folder, without those that links lead to; 0 of what is gone by now. */
export function sizeOf(path: string): number {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found?.isDirectory()) return found?.size ?? 0;
  return namesIn(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
