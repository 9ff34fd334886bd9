import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Manifest } from '../../schemas/types/manifest.ts';
import { attemptFolder, keyFolder } from '../home.ts';
import { inTurns } from '../in-turns.ts';
import { type Artifact, awayFiles, inspectAttempt, isBulk, manifestOf } from '../inspect.ts';
import { placePublished } from '../lease.ts';
import { keepPreimage } from '../preimage.ts';
import { moveToTrash } from '../trash.ts';
import { syncFile, syncFolder } from '../write.ts';
import type { Bucket } from './bucket.ts';
import { StorageError } from './errors.ts';
import { fileName, manifestName, manifestsOf, parseManifestName } from './names.ts';
import { noteShared } from './note.ts';

/** Files that come at once. */
const filesAtOnce = 4;

/** The newest attempt of a key, from attempt `from` on, whose manifest stands in the bucket; undefined where none does. */
export async function findShared(
  bucket: Bucket,
  key: string,
  from = 1,
  signal?: AbortSignal,
): Promise<number | undefined> {
  const attempts: number[] = [];
  for await (const { name } of bucket.list(manifestsOf(key), signal)) {
    const attempt = parseManifestName(name)?.attempt;
    if (attempt !== undefined && attempt >= from) attempts.push(attempt);
  }
  return attempts.length === 0 ? undefined : Math.max(...attempts);
}

/**
 * Makes an attempt of the bucket one of this home: its manifest, its events and all that is small, put in their place by
 * one rename when they are there and checked. What is large stays away until somebody needs it (see bringFiles). Gives
 * what is there already where that is whole. An attempt of that number that is not finished here, or is damaged, is
 * `replaced`, which needs the claim of the node; undefined where it is not to be. Throws a StorageError.
 */
export async function bringRecord(
  home: string,
  bucket: Bucket,
  { key, attempt }: { key: string; attempt: number },
  { replace, signal }: { replace: boolean; signal?: AbortSignal | undefined },
): Promise<Artifact | undefined> {
  const folder = attemptFolder(home, key, attempt);
  const before = existsSync(folder) ? inspectAttempt(home, key, attempt) : undefined;
  if (before?.state === 'whole') return before.artifact;
  if (before !== undefined && !replace) return undefined;

  const { text, manifest } = await readManifest(bucket, key, attempt, signal);
  const incoming = join(keyFolder(home, key), `.attempt-${attempt}.${randomBytes(6).toString('hex')}.tmp`);
  await mkdir(incoming, { recursive: true });
  try {
    await inTurns(
      manifest.files.filter((file) => !isBulk(file)),
      filesAtOnce,
      signal,
      (file) => fetchFile(bucket, manifest, file, incoming, signal),
    );
    await keepPreimage(home, { key, preimage: manifest.preimage });
    await placePublished(incoming, text);
    noteShared(incoming, bucket.address);
    if (before !== undefined) {
      await moveToTrash(home, { key, attempt, replacedBy: attempt, bytes: 0 }, async () => false);
    }
    await rename(incoming, folder);
    await syncFolder(dirname(folder));
  } catch (error) {
    await rm(incoming, { recursive: true, force: true });
    // Another process of this home was as quick.
    if (!['EEXIST', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  const found = inspectAttempt(home, key, attempt);
  return found.state === 'whole' ? found.artifact : undefined;
}

/**
 * Brings an artifact's files that are away, each into its place once all of it is there and has its digest. What came of
 * one is kept, and gone on with by the next call; so one process at a time may do this (see activities/shared.ts). Throws
 * a StorageError that names the object where that is damaged.
 */
export async function bringFiles(bucket: Bucket, artifact: Artifact, signal?: AbortSignal): Promise<void> {
  await inTurns(awayFiles(artifact), filesAtOnce, signal, (file) =>
    fetchFile(bucket, artifact, file, artifact.folder, signal),
  );
}

async function readManifest(
  bucket: Bucket,
  key: string,
  attempt: number,
  signal?: AbortSignal,
): Promise<{ text: string; manifest: Manifest }> {
  const name = manifestName(key, attempt);
  const text = await bucket.readText(name, signal);
  const damaged = (why: string) => new StorageError('bad-download', `${bucket.address}/${name} ${why}: ${remedy}`);
  if (text === undefined) throw damaged('is gone');
  try {
    return { text, manifest: manifestOf(text, { key, number: attempt }) };
  } catch (error) {
    throw damaged(`is damaged (${(error as Error).message})`);
  }
}

const remedy =
  'remove it; on a host that has the node, `descent verify` and the next run put it there again, and where none has, the next run makes it anew';

/** Where a file grows that comes to a path. */
export function partialPath(path: string): string {
  return `${path}.incoming.tmp`;
}

/** Between a connection that broke and the next one, in milliseconds. */
const pauseMs = 300;

/** Brings one file to its place below a folder. */
async function fetchFile(
  bucket: Bucket,
  manifest: Pick<Manifest, 'key' | 'attempt'>,
  file: Manifest['files'][number],
  folder: string,
  signal?: AbortSignal,
): Promise<void> {
  const name = fileName(manifest, file);
  const path = join(folder, file.path);
  const partial = partialPath(path);
  await mkdir(dirname(path), { recursive: true });
  const damaged = (how: string) =>
    new StorageError(
      'bad-download',
      `${bucket.address}/${name}, which is ${file.path}, ${how}: ${remedy} (remove ${manifestName(manifest.key, manifest.attempt)} too then)`,
    );
  for (let wrong = 0; ; ) {
    while (!existsSync(partial) || sizeOf(partial) < file.bytes) {
      const there = sizeOf(partial);
      try {
        if (!(await goOn(bucket, name, partial, file.bytes, signal))) {
          await rm(partial, { force: true });
          throw damaged('is gone');
        }
      } catch (error) {
        const isBroken = error instanceof StorageError && error.kind === 'no-network';
        if (!isBroken || sizeOf(partial) <= there) throw error;
        await sleep(pauseMs, undefined, { signal });
      }
    }
    if ((await digestOf(partial, signal)) === file.sha256 && sizeOf(partial) === file.bytes) break;
    await rm(partial, { force: true });
    wrong += 1;
    // The first may have been changed on its way.
    if (wrong === 2) throw damaged('has another digest than its manifest says');
  }
  await syncFile(partial);
  await rename(partial, path);
  await syncFolder(dirname(path));
}

/** Asks for what is missing of a file, and adds what comes, up to its size; false where there is no such object. */
async function goOn(
  bucket: Bucket,
  name: string,
  partial: string,
  size: number,
  signal?: AbortSignal,
): Promise<boolean> {
  const from = sizeOf(partial);
  // Before it is asked for: a body that nobody reads would hold its connection.
  const output = await open(partial, from > 0 ? 'r+' : 'w');
  try {
    const body = await bucket.read(name, from, signal);
    if (body === undefined) return false;
    let at = from;
    for await (const chunk of body) {
      await output.write(chunk, 0, chunk.length, at);
      at += chunk.length;
    }
    // A server's object that is shorter is not going to grow: filled up, it is found to have another digest.
    if (at < size) await output.truncate(size);
  } finally {
    await output.close();
  }
  return true;
}

async function digestOf(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, ...(signal && { signal }) })) {
    hash.update(chunk as Buffer);
  }
  return hash.digest('hex');
}

/** 0 where there is no file. */
function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
