import { rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { readNote, writeNote } from '../notes.ts';

/*
 * `remote.json` in the folder of a published attempt: its manifest stands in the bucket that the note names. From then on
 * its larger files need not be here, and when the note was touched last is when they were used last.
 */

interface Note {
  /** `s3://bucket/prefix`. */
  storage: string;
}

/** Notes that an attempt can be had from a bucket. */
export function noteShared(folder: string, address: string): void {
  writeNote(notePath(folder), { storage: address } satisfies Note);
}

/** Takes the note away: the storage lacks something of it, and who shares it again puts that there. */
export function forgetShared(folder: string): void {
  rmSync(notePath(folder), { force: true });
}

/** The bucket that an attempt can be had from (`s3://bucket/prefix`); undefined where none is noted. */
export function sharedAt(folder: string): string | undefined {
  return readNote<Note>(notePath(folder))?.storage;
}

/** When an attempt's files were used last, in milliseconds; 0 where it can be had from nowhere else. */
export function usedAt(folder: string): number {
  return statSync(notePath(folder), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Notes that an attempt's files are used now; of one without a note, nothing. */
export function noteUse(folder: string): void {
  const now = new Date();
  try {
    utimesSync(notePath(folder), now, now);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function notePath(folder: string): string {
  return join(folder, 'remote.json');
}
