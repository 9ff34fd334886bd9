import { randomBytes } from 'node:crypto';
import { lstat, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreError } from './errors.ts';
import { type Garbage, sizeOf } from './garbage.ts';
import { attemptFolder, keyFolder, storeFolder } from './home.ts';
import { makeFolder, syncFolder } from './write.ts';

/*
 * What is removed is renamed into `store/.trash` first: from then on nothing of it stands under its key, and whatever
 * ends the process while files are deleted leaves no half artifact. It lies within the store, so that a rename will do
 * also where that is a link to another disk.
 */

/**
 * Takes something out of the store, into the trash. False, and it stays, where it is held: `isHeld` is asked of the
 * key's folder before and after the rename, since whoever pinned or claimed it in between did so in the folder that lies
 * in the trash now; and who says so before he looks into the store either finds it gone or is found here. False as well
 * where it is gone.
 */
export async function moveToTrash(
  home: string,
  { key, attempt }: Garbage,
  isHeld: (keyFolder: string) => Promise<boolean>,
): Promise<boolean> {
  const folder = keyFolder(home, key);
  const from = attempt === null ? folder : attemptFolder(home, key, attempt);
  if (await isHeld(folder)) return false;
  const to = await trashPath(home, attempt === null ? key : `${key}-attempt-${attempt}`);
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
  const held = await isHeld(attempt === null ? to : folder);
  if (held) await putBack(to, from);
  if (attempt !== null) await syncFolder(folder);
  return !held;
}

/**
 * Deletes all that lies in the trash, also what an earlier process left there, once it is durable that it lies there: a
 * power cut must not bring back under its key what is half deleted.
 */
export async function emptyTrash(home: string): Promise<void> {
  const names = await trashed(home);
  if (names.length === 0) return;
  await syncFolder(trashFolder(home));
  await syncFolder(storeFolder(home));
  for (const name of names) await rm(join(trashFolder(home), name), { recursive: true, force: true });
}

/** What a process that was ended left in the trash. */
export async function leftInTrash(home: string): Promise<{ entries: number; bytes: number }> {
  const names = await trashed(home);
  let bytes = 0;
  for (const name of names) bytes += sizeOf(join(trashFolder(home), name));
  return { entries: names.length, bytes };
}

/** The names in the trash. Throws where it is no folder of the store's own: what a link leads to is not deleted. */
async function trashed(home: string): Promise<string[]> {
  const folder = trashFolder(home);
  const found = await lstat(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined) return [];
  if (!found.isDirectory()) throw new StoreError(`${folder} is no folder: remove it, and try again`);
  return (await readdir(folder)).filter((name) => /^[0-9a-f]{64}/.test(name));
}

async function putBack(from: string, to: string): Promise<void> {
  await rename(from, to).catch((error: unknown) => {
    throw new StoreError(`${to} was begun anew while it was being removed; what it was before lies in ${from}`, {
      cause: error,
    });
  });
}

/** A new name in the trash for something of a key. */
export async function trashPath(home: string, what: string): Promise<string> {
  await makeFolder(trashFolder(home));
  return join(trashFolder(home), `${what}.${randomBytes(4).toString('hex')}`);
}

function trashFolder(home: string): string {
  return join(storeFolder(home), '.trash');
}
