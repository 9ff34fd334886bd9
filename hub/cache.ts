import { readdir, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
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
 * The files at the top of a repository at a commit that lie in the cache of the Hub's libraries, by name: links in
 * `models--owner--name/snapshots/<commit>` to files that are named for their digests. None where it has none.
 */
export async function cachedFiles(
  { cache }: HubSettings,
  { hub, revision }: Revision,
): Promise<ReadonlyMap<string, CachedFile>> {
  const folder = join(cache, `models--${hub.replace('/', '--')}`, 'snapshots', revision);
  const found = new Map<string, CachedFile>();
  for (const name of await namesIn(folder)) {
    const path = join(folder, name);
    found.set(name, { path, digest: namedDigest(basename(await realpath(path))) });
  }
  return found;
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

function namedDigest(name: string): Digest | undefined {
  if (/^[0-9a-f]{64}$/.test(name)) return { kind: 'sha256', hex: name };
  if (/^[0-9a-f]{40}$/.test(name)) return { kind: 'git', hex: name };
  return undefined;
}
