import { randomBytes } from 'node:crypto';
import { link, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { StoreError } from './errors.ts';

/**
 * Writes a file whole: to a temporary name, fsync, rename, fsync of the folder. Whoever reads sees the old content or
 * the new, also after a power cut. Makes the folder where it is missing. Throws a StoreError that says what to do when
 * the disk is full or may not be written.
 */
export async function writeWhole(path: string, data: string | Uint8Array): Promise<void> {
  await viaTemporary(path, data, (temporary) => rename(temporary, path));
}

/**
 * Like writeWhole, but only where no file of that name is: false, and nothing written, where one is. Of any number of
 * processes that try at once, exactly one gets true.
 */
export async function writeNew(path: string, data: string | Uint8Array): Promise<boolean> {
  try {
    // link(2) fails where the name is taken, and what appears under it is complete: `wx` would give the first only.
    await viaTemporary(path, data, (temporary) => link(temporary, path));
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
    const found = await stat(parent).catch((error: unknown) => {
      if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined;
      throw explain(error, path);
    });
    if (found?.isDirectory()) break;
    if (found !== undefined) throw new StoreError(`cannot make ${path}: ${parent} is a file; name another folder`);
    missing.push(parent);
  }
  // One by one: mkdir's own recursion tries for ever where a folder that is there takes no others, as /proc.
  for (const folder of missing.reverse()) {
    await mkdir(folder).catch((error: unknown) => {
      if (errorCode(error) === 'EEXIST') return;
      if (errorCode(error) !== 'ENOENT') throw explain(error, path);
      throw new StoreError(`cannot make ${path}: ${dirname(folder)} takes no new folders; name another folder`);
    });
    await syncFolder(dirname(folder));
  }
}

/** Makes a folder's list of names durable. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Some file systems have no fsync for folders; their renames are ordered by other means.
    if (errorCode(error) !== 'EINVAL' && errorCode(error) !== 'EPERM') throw error;
  } finally {
    await handle.close();
  }
}

async function viaTemporary(
  path: string,
  data: string | Uint8Array,
  place: (temporary: string) => Promise<void>,
): Promise<void> {
  await makeFolder(dirname(path));
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const handle = await open(temporary, 'wx');
    try {
      await handle.writeFile(data);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await place(temporary);
  } catch (error) {
    throw explain(error, path);
  } finally {
    // After a rename there is nothing left to remove; after a link or an error there is.
    await rm(temporary, { force: true });
  }
  await syncFolder(dirname(path));
}

const remedies: Record<string, string> = {
  ENOSPC: 'the disk is full; free some space and run again',
  EDQUOT: 'the disk quota is used up; free some space and run again',
  EROFS: 'the disk is read-only; choose another folder with DESCENT_HOME',
  EACCES: 'this user may not write there; change its rights or choose another folder with DESCENT_HOME',
  EPERM: 'this user may not write there; change its rights or choose another folder with DESCENT_HOME',
};

function explain(error: unknown, path: string): unknown {
  const remedy = remedies[errorCode(error) ?? ''];
  return remedy === undefined ? error : new StoreError(`cannot write ${path}: ${remedy}`, { cause: error });
}

function errorCode(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | null)?.code;
}
