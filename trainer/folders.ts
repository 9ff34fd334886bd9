/** Folders and files that appear whole or not at all. */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Makes a folder by filling one with a temporary name beside it, waiting until all is on the disk, and renaming it; what
 * had that name before is removed just before that. When `fill` throws, nothing of the folder is left.
 *
 * Another execution of the attempt may be at the same folder, so each fills one of its own. What is left of those that
 * were killed goes with the next folder that is made there. Throws as `checkLease`, which is asked when all is on the disk.
 */
export async function writeFolder(
  path: string,
  fill: (temporary: string) => Promise<void>,
  checkLease: () => void,
): Promise<void> {
  const parent = dirname(path);
  const temporary = `.${basename(path)}.${randomUUID()}${unfinished}`;
  const folder = join(parent, temporary);
  await mkdir(folder, { recursive: true });
  try {
    await fill(folder);
    for (const name of await readdir(folder)) await sync(join(folder, name));
    await sync(folder);
    const others = (await readdir(parent)).filter((name) => name.endsWith(unfinished) && name !== temporary);
    // Who holds the lease after it saw the others has taken over from those that fill them, and never the other way round.
    checkLease();
    await rm(path, { recursive: true, force: true });
    await rename(folder, path);
    await sync(parent);
    for (const name of others) await rm(join(parent, name), { recursive: true, force: true });
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    // What failed may be that who took over removed the folder.
    checkLease();
    throw error;
  }
}

/** How the temporary names end: no other program's do. The store takes what ends in `.tmp` for no part of an artifact. */
const unfinished = '.folder.tmp';

/**
 * Writes a file whole, in place of the one before: under a temporary name, waiting until it is on the disk, and renaming it.
 * Whoever finds the name finds all of it, also after a power cut. One execution writes it at a time.
 */
export async function writeWhole(path: string, data: string): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    await writeFile(temporary, data, { flush: true });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await sync(dirname(path));
}

/** Writes values as lines of JSON, whole. */
export async function writeLines(path: string, values: readonly object[]): Promise<void> {
  await writeWhole(path, values.map((value) => `${JSON.stringify(value)}\n`).join(''));
}

/** Writes a value as JSON, indented, for people too. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFile(path, `${JSON.stringify(value, null, 2)}\n`);
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
