/** Folders that appear whole or not at all. */
import { mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Makes a folder by filling one with a temporary name beside it, waiting until all is on the disk, and renaming it; what
 * had that name before is removed just before that. When `fill` throws, nothing of the folder is left.
 */
export async function writeFolder(
  path: string,
  fill: (temporary: string) => Promise<void>,
  beforeRename: () => void,
): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.tmp`);
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true });
  try {
    await fill(temporary);
    for (const name of await readdir(temporary)) await sync(join(temporary, name));
    await sync(temporary);
    beforeRename();
    await rm(path, { recursive: true, force: true });
    await rename(temporary, path);
    await sync(dirname(path));
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
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
