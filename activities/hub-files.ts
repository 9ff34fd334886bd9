import { constants, existsSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cachedFiles } from '../hub/cache.ts';
import { isOffline } from '../hub/config.ts';
import { hasDigest } from '../hub/digest.ts';
import { type DownloadOptions, download } from '../hub/download.ts';
import { filesAt, type RemoteFile } from '../hub/repository.ts';
import type { Revision } from '../hub/request.ts';
import { hubSettings } from '../hub/settings.ts';
import { NodeError } from './failures.ts';

export interface HubOptions {
  /** Where the Hub is, and who asks: see `hubSettings`. */
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
}

/** The files of a repository at a commit. */
export interface HubFiles {
  /** All that there are. */
  names: ReadonlySet<string>;
  /** What the endpoint says of one; undefined offline. */
  remote(name: string): RemoteFile | undefined;
  /**
   * Puts one at a path, checked by digest: out of the cache of the Hub's libraries where it has it, or from the endpoint.
   * What is there already stays, so that an execution after this one goes on where it ended.
   *
   * @throws HubError as `download`; NodeError `bad-data` where only the cache can be had, and it is damaged
   */
  bring(name: string, path: string, onBytes?: DownloadOptions['onBytes']): Promise<void>;
}

/**
 * The files of a repository at a commit, as the endpoint has them, or offline the cache of the Hub's libraries.
 *
 * @throws HubError
 */
export async function hubFiles(revision: Revision, { env, signal }: HubOptions): Promise<HubFiles> {
  const settings = hubSettings(env);
  const cached = await cachedFiles(settings, revision);
  if (settings.offline && cached.size === 0) throw isOffline(settings, revision, revision.hub);
  const remote = settings.offline ? undefined : await filesAt(settings, revision, signal);
  return {
    names: new Set((remote ?? cached).keys()),
    remote: (name) => remote?.get(name),
    async bring(name, path, onBytes) {
      const [file, known] = [remote?.get(name), cached.get(name)];
      const digest = file?.digest ?? known?.digest;
      const isIt = async (at: string) => digest === undefined || (await hasDigest(at, digest, signal));
      const isThere = existsSync(path) && digest !== undefined && (await isIt(path));
      if (isThere) return;
      if (known && (await isIt(known.path))) {
        await copyFile(known.path, path, constants.COPYFILE_FICLONE);
        if (file) onBytes?.(file.bytes);
      } else if (file) await download(settings, revision, file, path, { signal, onBytes });
      else {
        const mend = `remove it, and run hf download ${revision.hub} again`;
        throw new NodeError('bad-data', `${known?.path ?? join(settings.cache, name)} is damaged: ${mend}`);
      }
    },
  };
}
