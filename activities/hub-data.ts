import { constants, existsSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { cachedFiles } from '../hub/cache.ts';
import { isOffline } from '../hub/config.ts';
import { hasDigest } from '../hub/digest.ts';
import { download } from '../hub/download.ts';
import { filesAt } from '../hub/repository.ts';
import type { Revision } from '../hub/request.ts';
import { hubSettings } from '../hub/settings.ts';
import { namesMatching } from '../planner/files.ts';
import type { HubDataRecipe } from '../planner/plan.ts';
import { NodeError } from './failures.ts';

export interface HubDataOptions {
  /** Where the Hub is, and who asks: see `hubSettings`. */
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
}

/**
 * Brings the files of a repository of data at a commit that its patterns name into a folder, each checked by digest: out of
 * the cache of the Hub's libraries where it has them, which offline is all there is, or from the endpoint. What is there
 * already stays, so that an execution after this one goes on where it ended. Gives their paths, in the order of their names.
 *
 * @throws HubError; NodeError `bad-data` where no file has such a name, or one in the cache is damaged; the signal's reason
 * when it is aborted.
 */
export async function bringData(
  recipe: HubDataRecipe,
  folder: string,
  { env, signal }: HubDataOptions,
): Promise<string[]> {
  const settings = hubSettings(env);
  const revision: Revision = { hub: recipe.hub, revision: recipe.revision, kind: 'dataset' };
  const cached = await cachedFiles(settings, revision);
  if (settings.offline && cached.size === 0) throw isOffline(settings, revision, revision.hub);
  const remote = settings.offline ? undefined : await filesAt(settings, revision, signal);
  const names = namesMatching(recipe.patterns, [...(remote ?? cached).keys()]);
  if (names.length === 0)
    throw new NodeError(
      'bad-data',
      `${recipe.hub} has no file at that commit that ${recipe.patterns.join(', ')} names`,
    );
  await mkdir(folder, { recursive: true });
  const paths: string[] = [];
  for (const name of names) {
    signal.throwIfAborted();
    const path = join(folder, encodeURIComponent(name));
    const file = remote?.get(name);
    const known = cached.get(name);
    const digest = file?.digest ?? known?.digest;
    const isCached = known !== undefined && (digest === undefined || (await hasDigest(known.path, digest, signal)));
    if (isCached && !existsSync(path)) await copyFile(known.path, path, constants.COPYFILE_FICLONE);
    else if (file) await download(settings, revision, file, path, { signal });
    else if (!isCached)
      throw new NodeError('bad-data', `${known?.path} is damaged: remove it, and run hf download ${recipe.hub} again`);
    paths.push(path);
  }
  return paths;
}
