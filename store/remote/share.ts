import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from '../../schemas/types/manifest.ts';
import { StoreError } from '../errors.ts';
import { inTurns } from '../in-turns.ts';
import type { Artifact } from '../inspect.ts';
import { manifestPath } from '../lease.ts';
import { type Bucket, partBytes } from './bucket.ts';
import { StorageError } from './errors.ts';
import { fileName, filesOf, manifestName } from './names.ts';
import { noteShared } from './note.ts';

/** Files that go at once; of large ones each has several parts under way. */
const filesAtOnce = 4;

/**
 * Makes a published attempt one that every host can have: its files go up, each checked against the manifest as it is
 * read and by the server as it comes in, and then the manifest, last and only where none stands. `own`: it counts, also
 * where it did before. `another`: a host with other bytes was first under this key and attempt, and theirs count; nothing
 * here is changed.
 *
 * Killed at any moment, it leaves no manifest, and files that the next call finds and need not send again. Throws a
 * StorageError; a StoreError where a file here is not what was published.
 */
export async function shareArtifact(
  bucket: Bucket,
  artifact: Artifact,
  signal?: AbortSignal,
): Promise<'own' | 'another'> {
  const { folder } = artifact;
  const name = manifestName(artifact.key, artifact.attempt);
  const text = readFileSync(manifestPath(folder), 'utf8');
  let standing = await bucket.readText(name, signal);
  // Of what stands already, only what somebody has removed is put there again.
  if (standing === undefined || standing === text) {
    try {
      await putFiles(bucket, artifact, signal);
    } catch (error) {
      // Who was first meanwhile has given up what others were uploading to the attempt.
      if (standing !== undefined || !(error instanceof StorageError)) throw error;
      standing = await bucket.readText(name, signal);
      if (standing === undefined) throw error;
    }
  }
  if (standing === undefined) {
    // A try whose answer was lost has put it: what stands is looked at, and not who is told so.
    standing = (await bucket.putNew(name, text, signal)) ? text : await bucket.readText(name, signal);
    if (standing === undefined) throw new StoreError(`${bucket.address}/${name} was removed while it was put there`);
  }
  await removeStrays(bucket, JSON.parse(standing) as Manifest, signal);
  if (standing !== text) return 'another';
  noteShared(folder, bucket.address);
  return 'own';
}

async function putFiles(bucket: Bucket, artifact: Artifact, signal?: AbortSignal): Promise<void> {
  const there = new Map<string, number>();
  for await (const { name, bytes } of bucket.list(filesOf(artifact), signal)) there.set(name, bytes);
  const wanted = new Map(artifact.files.map((file) => [fileName(artifact, file), file]));
  await inTurns([...wanted], filesAtOnce, signal, async ([name, file]) => {
    if (there.get(name) === file.bytes) return;
    // Uploads in part that are there already stay until a manifest stands: they may be of another host that is at this very file.
    await bucket.putFile(name, { ...file, path: join(artifact.folder, file.path) }, signal);
  });
}

/**
 * Once a manifest stands, no other can: what lies under its attempt and is none of its files is of a host that was second,
 * and no upload there has to end any more.
 */
async function removeStrays(bucket: Bucket, standing: Manifest, signal?: AbortSignal): Promise<void> {
  const own = new Set(standing.files.map((file) => fileName(standing, file)));
  for await (const { name } of bucket.list(filesOf(standing), signal)) {
    if (!own.has(name)) await bucket.remove(name, signal);
  }
  if (standing.files.some(({ bytes }) => bytes > partBytes)) await bucket.abortUploads(filesOf(standing), signal);
}
