import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { attemptFolder, attemptNumbers, keyFolder, keysBeginning } from '../home.ts';
import { type Artifact, inspectAttempt, isBulk } from '../inspect.ts';
import { isPinned } from '../pins.ts';
import { trashPath } from '../trash.ts';
import { partialPath } from './bring.ts';
import { sharedAt, usedAt } from './note.ts';

/** The larger files of an attempt that can be had from the bucket again, with what came of those whose fetching was ended. */
interface Cached {
  artifact: Artifact;
  bytes: number;
  usedAt: number;
}

/**
 * Removes larger files of attempts that can be had from the bucket again, those first that were used longest ago, until
 * what is left of such is within the limit. What is pinned stays, and what `isUsed` says of a key's folder, which is asked
 * before and after; and what can be had from nowhere else is not looked at. Gives the bytes that went.
 */
export async function trimCache(
  home: string,
  address: string,
  limit: number,
  isUsed: (keyFolder: string) => boolean,
): Promise<number> {
  const cached = (await cachedIn(home, address)).sort((a, b) => a.usedAt - b.usedAt);
  let over = cached.reduce((sum, { bytes }) => sum + bytes, 0) - limit;
  let gone = 0;
  for (const { artifact, bytes } of cached) {
    if (over <= 0) break;
    if (!(await evict(home, artifact, isUsed))) continue;
    over -= bytes;
    gone += bytes;
  }
  return gone;
}

async function cachedIn(home: string, address: string): Promise<Cached[]> {
  const found: Cached[] = [];
  for (const key of keysBeginning(home, '')) {
    // Looking into the store is synchronous; others on this worker want their turn.
    await nextTurn();
    for (const number of attemptNumbers(home, key)) {
      const folder = attemptFolder(home, key, number);
      if (sharedAt(folder) !== address) continue;
      const inspected = inspectAttempt(home, key, number);
      if (inspected.state !== 'whole') continue;
      const { artifact } = inspected;
      const bytes = bulkPaths(artifact).reduce((sum, path) => sum + sizeOf(path), 0);
      if (bytes > 0) found.push({ artifact, bytes, usedAt: usedAt(folder) });
    }
  }
  return found;
}

/** Where an attempt's larger files are, or would be. */
function bulkPaths({ folder, files }: Artifact): string[] {
  return files.filter(isBulk).flatMap(({ path }) => [join(folder, path), partialPath(join(folder, path))]);
}

/**
 * Removes an attempt's larger files, unless somebody uses them. Who begins to use them says so first and looks then whether
 * they are there. So they go into the trash, and come back where somebody says so by now; in between nothing waits.
 */
async function evict(home: string, artifact: Artifact, isUsed: (keyFolder: string) => boolean): Promise<boolean> {
  const { key, attempt } = artifact;
  const place = keyFolder(home, key);
  const isHeld = (): boolean => isPinned(place) || isUsed(place);
  const here = bulkPaths(artifact).filter((path) => existsSync(path));
  const moves = await Promise.all(
    here.map(async (from) => ({ from, to: await trashPath(home, `${key}-attempt-${attempt}`) })),
  );
  if (isHeld()) return false;
  const moved = moves.filter(({ from, to }) => renameIfThere(from, to));
  const held = isHeld();
  for (const { from, to } of moved) {
    if (held) renameSync(to, from);
    else rmSync(to, { force: true });
  }
  return !held;
}

/** False where another process of this home was as quick. */
function renameIfThere(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
