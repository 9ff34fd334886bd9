import { existsSync } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasDigest } from './digest.ts';
import { HubError } from './errors.ts';
import type { RemoteFile } from './repository.ts';
import { addressOf, type Revision, request } from './request.ts';
import type { HubSettings } from './settings.ts';

export interface DownloadOptions {
  signal?: AbortSignal | undefined;
  /** Told of each piece that came. */
  onBytes?: ((bytes: number) => void) | undefined;
}

/** Between a connection that broke and the next one, in milliseconds. */
const pauseMs = 500;

/**
 * Downloads a file to a path, which has all of it or does not exist. What came is kept beside it (`.part`) until then, and
 * gone on from, now and by later calls. A connection that breaks is made again as long as each one brings something.
 *
 * @throws HubError as `request` does; `bad-download` where all of it came and has another digest, and nothing is kept then.
 */
export async function download(
  settings: HubSettings,
  revision: Revision,
  file: RemoteFile,
  path: string,
  options: DownloadOptions = {},
): Promise<void> {
  const partial = `${path}.part`;
  if (existsSync(path) && (await hasDigest(path, file.digest, options.signal))) return;
  while (!existsSync(partial) || (await sizeOf(partial)) !== file.bytes) {
    const there = await sizeOf(partial);
    if (there > file.bytes) await rm(partial);
    try {
      await goOn(settings, revision, file, partial, options);
    } catch (error) {
      const isBroken = error instanceof HubError && error.kind === 'no-network';
      if (!isBroken || (await sizeOf(partial)) <= there) throw error;
      options.signal?.throwIfAborted();
      await sleep(pauseMs, undefined, { signal: options.signal });
    }
  }
  if (!(await hasDigest(partial, file.digest, options.signal))) {
    await rm(partial);
    const is = 'is not what the Hub says it is (its digest is another): a proxy or a mirror may have changed it';
    throw new HubError('bad-download', `${file.name} of ${revision.hub} ${is}`);
  }
  await rename(partial, path);
}

/**
 * Asks for what is missing of a file, and adds what comes; all of it where the server gives no part. Each piece is written
 * at its place and not at the end: a process that woke up late, and has the file still open, then writes what is there.
 */
async function goOn(
  settings: HubSettings,
  revision: Revision,
  file: RemoteFile,
  partial: string,
  { signal, onBytes }: DownloadOptions,
): Promise<void> {
  const from = await sizeOf(partial);
  const what = `${file.name} of ${revision.hub}`;
  const at = file.name.split('/').map(encodeURIComponent).join('/');
  const path = `/${addressOf(revision)}/resolve/${revision.revision}/${at}`;
  const answer = await request(settings, path, { revision, what, from, signal });
  const begin = answer.status === 206 ? from : 0;
  const isAsked = begin === 0 || answer.headers.get('content-range')?.startsWith(`bytes ${from}-`) === true;
  const output = await open(partial, begin > 0 ? 'r+' : 'w');
  let length = begin;
  try {
    for await (const chunk of answer.bytes) {
      if (!isAsked)
        throw new HubError('no-network', `${what}: ${settings.endpoint} gave another part than it was asked for`);
      length += chunk.length;
      if (length > file.bytes) break;
      await output.write(chunk, 0, chunk.length, length - chunk.length);
      onBytes?.(chunk.length);
    }
    await output.datasync();
  } finally {
    await output.close();
  }
  if (length > file.bytes) {
    await rm(partial);
    throw new HubError('bad-download', `${what} is longer than the ${file.bytes} bytes that the Hub says`);
  }
  if (length < file.bytes)
    throw new HubError('no-network', `${what}: ${settings.endpoint} sent ${length} of ${file.bytes} bytes`);
}

/** 0 where there is no file. */
async function sizeOf(path: string): Promise<number> {
  return existsSync(path) ? (await stat(path)).size : 0;
}
