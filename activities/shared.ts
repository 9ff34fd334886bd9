import { findArtifact } from '../store/artifact.ts';
import { keyFolder } from '../store/home.ts';
import { type Artifact, awayFiles } from '../store/inspect.ts';
import { bringFiles, bringRecord, findShared } from '../store/remote/bring.ts';
import { trimCache } from '../store/remote/cache.ts';
import { noteUse, sharedAt } from '../store/remote/note.ts';
import { shareArtifact } from '../store/remote/share.ts';
import { isShared, type Storage } from '../store/remote/storage.ts';
import { moveToTrash } from '../store/trash.ts';
import { type ClaimOptions, claimFetch } from './claim.ts';
import { NodeError } from './failures.ts';
import { beginUse, isUsed } from './uses.ts';

/** What moving things to and from the storage needs to know. */
export interface Moving {
  home: string;
  /** Undefined where there is none, and this home is all there is. */
  storage: Storage | undefined;
  signal: AbortSignal;
}

/** Which node, and from which attempt on. */
interface Wanted {
  key: string;
  attempt?: number;
}

/**
 * The artifact of a node: as this home has it, else its record, brought here from the storage; undefined where neither has
 * it. What this home has unfinished or damaged of that attempt is `replaced` only by who has the node's claim.
 */
export async function findAnywhere(
  { home, storage, signal }: Moving,
  { key, attempt }: Wanted,
  replace = false,
): Promise<Artifact | undefined> {
  const here = await findArtifact(home, key, attempt);
  if (here !== undefined || storage === undefined) return here;
  const found = await findShared(storage.bucket, key, attempt, signal);
  return found === undefined
    ? undefined
    : bringRecord(home, storage.bucket, { key, attempt: found }, { replace, signal });
}

/** Whether a node is done for everybody: an artifact of this home which, where there is a storage, that has too. */
export function countsForAll(storage: Storage | undefined, { folder }: Artifact): boolean {
  return storage === undefined || isShared(storage, folder);
}

/**
 * Has all hosts have an artifact of this home. Where another host was first with other bytes, theirs take its place here.
 * Nothing was made from this one yet, as a node is done only then, unless it is older than the storage: where somebody uses
 * it now it stays, and whoever shares it next replaces it. Gives the one that this home has.
 */
export async function share({ home, storage, signal }: Moving, artifact: Artifact): Promise<Artifact> {
  if (storage === undefined || isShared(storage, artifact.folder)) return artifact;
  const { key, attempt } = artifact;
  const stands = await shareArtifact(storage.bucket, artifact, signal);
  if (stands === 'own') {
    await trim(home, storage);
    return artifact;
  }
  await moveToTrash(home, { key, attempt, replacedBy: attempt, bytes: 0 }, async (folder) => isUsed(folder));
  const here = await bringRecord(home, storage.bucket, { key, attempt }, { replace: false, signal });
  if (here === undefined) throw new Error(`attempt ${attempt} of ${key} stands in its own way`);
  return here;
}

/**
 * Holds an artifact's files here until what it gives is called, after those that are away have come; then the cache is
 * brought within its limit. `onWait` is told while another process brings them. Throws a NodeError where they are in a storage
 * that is not configured here; a StorageError.
 */
export async function holdFiles(
  { home, storage, signal }: Moving,
  artifact: Artifact,
  claiming: Omit<ClaimOptions, 'signal' | 'stopSeconds'>,
): Promise<() => Promise<void>> {
  const endUse = beginUse(keyFolder(home, artifact.key));
  const release = async (): Promise<void> => {
    endUse();
    if (storage !== undefined) await trim(home, storage);
  };
  try {
    noteUse(artifact.folder);
    if (awayFiles(artifact).length === 0) return release;
    if (storage === undefined || !isShared(storage, artifact.folder)) throw outOfReach(artifact);
    const claim = await claimFetch(home, artifact.key, { ...claiming, signal });
    try {
      await bringFiles(storage.bucket, artifact, signal);
    } finally {
      claim.release();
    }
    await trim(home, storage);
    return release;
  } catch (error) {
    endUse();
    throw error;
  }
}

function outOfReach({ address, folder }: Artifact): NodeError {
  const message = `the larger files of ${address} are in ${sharedAt(folder)}, and temporal.config names no such storage`;
  return new NodeError('no-access', `${message}: name it there`);
}

async function trim(home: string, { bucket, cache }: Storage): Promise<void> {
  if (cache !== undefined) await trimCache(home, bucket.address, cache, isUsed);
}
