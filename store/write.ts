import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { StoreError } from './errors.ts';

/*
 * Only what waits for the disk is asynchronous. Opening, writing, and renaming a small file takes some microseconds;
 * handing each of these to another thread takes many times as long, and a node writes a dozen such files.
 */

/**
 * Writes a file whole: to a temporary name, fsync, rename, fsync of the folder. Whoever reads sees the old content or
 * the new, also after a power cut. Makes the folder where it is missing. Throws a StoreError that says what to do when
 * the disk is full or may not be written.
 */
export async function writeWhole(path: string, data: string | Uint8Array): Promise<void> {
  await makeFolder(dirname(path));
  await viaTemporary(path, data, (temporary) => renameSync(temporary, path));
  await syncFolder(dirname(path));
}

/**
 * Like writeWhole, but only where no file of that name is: false, and nothing written, where one is. Of any number of
 * processes that try at once, exactly one gets true.
 */
export async function writeNew(path: string, data: string | Uint8Array): Promise<boolean> {
  try {
    // link(2) fails where the name is taken, and what appears under it is complete: `wx` would give the first only.
    await makeFolder(dirname(path));
    await viaTemporary(path, data, (temporary) => takeName(temporary, path));
    await syncFolder(dirname(path));
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Makes a folder and those above it, durable before it returns. Throws a StoreError that says what to do where a file
 * is in the way, or where no folder can be made.
 */
export async function makeFolder(path: string): Promise<void> {
  const missing: string[] = [];
  let parent = path;
  for (; ; parent = dirname(parent)) {
    const found = statIfThere(parent, path);
    if (found?.isDirectory()) break;
    if (found !== undefined) throw new StoreError(`cannot make ${path}: ${parent} is a file; name another folder`);
    missing.push(parent);
  }
  // One by one: mkdir's own recursion tries for ever where a folder that is there takes no others, as /proc.
  for (const folder of missing.reverse()) {
    try {
      mkdirSync(folder);
    } catch (error) {
      if (errorCode(error) === 'EEXIST') continue;
      if (errorCode(error) !== 'ENOENT') throw explain(error, path);
      throw new StoreError(`cannot make ${path}: ${dirname(folder)} takes no new folders; name another folder`);
    }
    await syncFolder(dirname(folder));
  }
}

/** Makes a folder's list of names durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = openSync(path, 'r');
  try {
    await waitForDisk(folder);
  } catch (error) {
    // Some file systems have no fsync for folders; their renames are ordered by other means.
    if (errorCode(error) !== 'EINVAL' && errorCode(error) !== 'EPERM') throw error;
  } finally {
    closeSync(folder);
  }
}

/** Makes a file's content durable. */
export async function syncFile(path: string): Promise<void> {
  const file = openSync(path, 'r');
  try {
    await waitForDisk(file);
  } finally {
    closeSync(file);
  }
}

/** A name beside a file, for what is to become it; whatever ends in `.tmp` is no part of an artifact. */
export function temporaryFor(path: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}.${randomBytes(6).toString('hex')}.tmp`);
}

/** Gives a temporary file the name that it is to have. Throws, with the code EEXIST, where something has that name. */
export function takeName(temporary: string, path: string): void {
  linkSync(temporary, path);
  unlinkSync(temporary);
}

/** A StoreError that says what to do, where the disk is full or may not be written; else the error itself. */
export function explain(error: unknown, path: string): unknown {
  const remedy = remedies[errorCode(error) ?? ''];
  return remedy === undefined ? error : new StoreError(`cannot write ${path}: ${remedy}`, { cause: error });
}

const remedies: Record<string, string> = {
  ENOSPC: 'the disk is full; free some space and run again',
  EDQUOT: 'the disk quota is used up; free some space and run again',
  EROFS: 'the disk is read-only; choose another folder with DESCENT_HOME',
  EACCES: 'this user may not write there; change its rights or choose another folder with DESCENT_HOME',
  EPERM: 'this user may not write there; change its rights or choose another folder with DESCENT_HOME',
};

const waitForDisk = promisify(fsync);

async function viaTemporary(
  path: string,
  data: string | Uint8Array,
  place: (temporary: string) => void,
): Promise<void> {
  const temporary = temporaryFor(path);
  try {
    const file = openSync(temporary, 'wx');
    try {
      writeFileSync(file, data);
      await waitForDisk(file);
    } finally {
      closeSync(file);
    }
    place(temporary);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw explain(error, path);
  }
}

/** What is at a path; undefined where nothing is, or a file is in its way. `wanted` is what a person is told of. */
function statIfThere(path: string, wanted: string) {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (errorCode(error) === 'ENOTDIR') return undefined;
    throw explain(error, wanted);
  }
}

function errorCode(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | null)?.code;
}
