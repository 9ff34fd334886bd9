import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { explain, takeName, temporaryFor } from './write.ts';

/*
 * Small files about what is going on now. Whoever reads one sees all of it or nothing, but they are not made durable,
 * which would cost more than all else about a short node: after a power cut nothing they speak of runs any more. What
 * of them is to last is made durable when the attempt is published.
 */

/** Writes a note in place of the one before. Throws a StoreError where the disk is full or may not be written. */
export function writeNote(path: string, value: object): void {
  viaTemporary(path, value, (temporary) => renameSync(temporary, path));
}

/** Writes a note where none is. Of any number of processes that try at once, exactly one gets true. Throws as writeNote. */
export function writeNewNote(path: string, value: object): boolean {
  try {
    viaTemporary(path, value, (temporary) => takeName(temporary, path));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Shows a note, which nobody writes to any more, under another name as well, in place of what had it. */
export function linkInPlace(note: string, path: string): void {
  const temporary = temporaryFor(path);
  try {
    linkSync(note, temporary);
    renameSync(temporary, path);
  } catch (error) {
    throw explain(error, path);
  } finally {
    // A rename does nothing where both names are of one file already.
    rmSync(temporary, { force: true });
  }
}

/** The note, undefined where there is none, null where it cannot be read (a power cut may leave it empty). */
export function readNote<T>(path: string): T | undefined | null {
  // An exception costs many times as much, and mostly there is none.
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function viaTemporary(path: string, value: object, place: (temporary: string) => void): void {
  const temporary = temporaryFor(path);
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(temporary, `${JSON.stringify(value, null, 2)}\n`);
    place(temporary);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw explain(error, path);
  }
}
