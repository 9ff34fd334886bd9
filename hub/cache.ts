import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, join, sep } from 'node:path';
import type { Digest } from './digest.ts';
import type { Revision } from './request.ts';
import type { HubSettings } from './settings.ts';

/** A file that the Hub's own libraries have downloaded. */
export interface CachedFile {
  path: string;
  /** What its content hashes to, by the name that they gave it; undefined where the name says nothing. */
  digest: Digest | undefined;
}

/**
 * The files of a repository at a commit that lie in the cache of the Hub's libraries, by name, with `/` where they are in
 * folders: links in `models--owner--name/snapshots/<commit>` (`datasets--…` for data) to files that are named for their digests.
 * None where it has none; a link to what somebody has removed is none.
 */
export async function cachedFiles(settings: HubSettings, revision: Revision): Promise<ReadonlyMap<string, CachedFile>> {
  const found = new Map<string, CachedFile>();
  for (const name of (await orNothing(readdir(snapshotOf(settings, revision), { recursive: true }))) ?? []) {
    const file = await cachedFile(settings, revision, name);
    if (file) found.set(name.replaceAll(sep, '/'), file);
  }
  return found;
}

/** One of `cachedFiles`, without a look at the others; undefined where it is not there. */
export async function cachedFile(
  settings: HubSettings,
  revision: Revision,
  name: string,
): Promise<CachedFile | undefined> {
  const path = join(snapshotOf(settings, revision), name);
  const target = await orNothing(realpath(path));
  if (target === undefined || !(await stat(target)).isFile()) return undefined;
  return { path, digest: namedDigest(basename(target)) };
}

function snapshotOf({ cache }: HubSettings, { hub, revision, kind = 'model' }: Revision): string {
  return join(cache, `${kind}s--${hub.replace('/', '--')}`, 'snapshots', revision);
}

/** What a look into the cache gives; undefined where nothing is there to look at. */
async function orNothing<T>(look: Promise<T>): Promise<T | undefined> {
  try {
    return await look;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

function namedDigest(name: string): Digest | undefined {
  if (/^[0-9a-f]{64}$/.test(name)) return { kind: 'sha256', hex: name };
  if (/^[0-9a-f]{40}$/.test(name)) return { kind: 'git', hex: name };
  return undefined;
}
