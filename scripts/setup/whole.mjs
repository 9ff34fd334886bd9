import { rmSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { onEarlyExit } from './cleanup.mjs';
import { diskFull, explainSystemError } from './failure.mjs';
import { isAlive, withLock } from './lock.mjs';
import { megabytes } from './progress.mjs';

/**
 * Makes a folder that is there whole or not at all: `make` fills a temporary folder beside it, which is renamed when
 * it is complete. What an interrupted attempt left behind is removed, and so is a folder that was damaged since.
 *
 * @param {string} target
 * @param {{isWhole: () => boolean, bytes: number, progress: import('./progress.mjs').Progress}} options `isWhole`
 *   tells whether the target holds what it should; `bytes` is what the disk must have free
 * @param {(temporary: string) => Promise<void>} make
 * @throws {import('./failure.mjs').SetupFailure} where the disk is full or not writable
 */
export async function makeFolder(target, { isWhole, bytes, progress }, make) {
  if (isWhole()) return;
  try {
    await withLock(`${target}.lock`, progress.update, async () => {
      if (isWhole()) return; // another set-up made it while this one waited
      await removeLeftovers(target);
      await rm(target, { recursive: true, force: true });
      const free = await statfs(dirname(target));
      if (free.bavail * free.bsize < bytes) {
        throw diskFull(`${dirname(target)} (${megabytes(free.bavail * free.bsize)} free, ${megabytes(bytes)} needed)`);
      }
      const temporary = `${target}.partial-${process.pid}`;
      const callOff = onEarlyExit(() => rmSync(temporary, { recursive: true, force: true, maxRetries: 5 }));
      try {
        await mkdir(temporary);
        await make(temporary);
        await flush(temporary);
        await moveInto(temporary, target);
      } finally {
        callOff();
        await rm(temporary, { recursive: true, force: true });
      }
    });
  } catch (error) {
    throw explainSystemError(error, dirname(target));
  }
}

/**
 * Writes a file that is there whole or not at all.
 *
 * @param {string} file
 * @param {string} text
 */
export async function writeWhole(file, text) {
  const temporary = `${file}.partial-${process.pid}`;
  await writeFile(temporary, text, { flush: true });
  await rename(temporary, file);
}

/** @param {string} target */
async function removeLeftovers(target) {
  const prefix = `${basename(target)}.partial-`;
  for (const name of await readdir(dirname(target))) {
    if (name.startsWith(prefix) && !isAlive(Number(name.slice(prefix.length)))) {
      await rm(join(dirname(target), name), { recursive: true, force: true });
    }
  }
}

/**
 * Renames a folder to its place, unless another set-up was there first.
 *
 * @param {string} temporary
 * @param {string} target
 */
async function moveInto(temporary, target) {
  try {
    await rename(temporary, target);
  } catch (error) {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
  }
}

/**
 * Writes through to the disk, so that a power cut after the rename does not leave empty files.
 *
 * @param {string} folder
 */
async function flush(folder) {
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const handle = await open(join(entry.parentPath ?? entry.path, entry.name), 'r');
    await handle.sync();
    await handle.close();
  }
}
