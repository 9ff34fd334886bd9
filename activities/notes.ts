import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { link, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/*
 * Small files about what is going on now. Whoever reads one sees all of it or nothing, but they are not made durable,
 * which would cost more than all else about a short node: after a power cut nothing they speak of runs any more.
 */

/** Writes a note in place of the one before. */
export async function writeNote(path: string, value: object): Promise<void> {
  await viaTemporary(path, value, (temporary) => rename(temporary, path));
}

/** Writes a note where none is. Of any number of processes that try at once, exactly one gets true. */
export async function writeNewNote(path: string, value: object): Promise<boolean> {
  try {
    await viaTemporary(path, value, (temporary) => link(temporary, path));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** The note, undefined where there is none, null where it cannot be read (a power cut may leave it empty). */
export function readNote<T>(path: string): T | undefined | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function viaTemporary(path: string, value: object, place: (temporary: string) => Promise<void>): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`);
  await mkdir(folder, { recursive: true });
  try {
    await writeFile(temporary, `${JSON.stringify(value)}\n`);
    await place(temporary);
  } finally {
    await rm(temporary, { force: true });
  }
}
