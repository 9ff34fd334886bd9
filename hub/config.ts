import { readFile } from 'node:fs/promises';
import { cachedFile } from './cache.ts';
import { HubError } from './errors.ts';
import { type Revision, requestJson } from './request.ts';
import type { HubSettings } from './settings.ts';

/**
 * The content of a repository's config.json at a commit, from the cache of the Hub's libraries or from the endpoint.
 *
 * @throws HubError as `request` does; `no-access` offline where the cache has none; `bad-download` where what the cache has
 * is not JSON.
 */
export async function configAt(settings: HubSettings, revision: Revision): Promise<unknown> {
  const cached = await cachedFile(settings, revision, 'config.json');
  if (cached) return parseCached(cached.path, await readFile(cached.path, 'utf8'), revision);
  const what = `config.json of ${revision.hub}`;
  if (settings.offline) throw isOffline(settings, revision, what);
  return requestJson(settings, `/${revision.hub}/resolve/${revision.revision}/config.json`, { revision, what });
}

function parseCached(path: string, text: string, { hub, revision }: Revision): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const how = `remove it, and run hf download ${hub} --revision ${revision} again`;
    throw new HubError('bad-download', `${path} is damaged (it is not JSON): ${how}`);
  }
}

/** That something would have to be asked for, and must not be. */
export function isOffline({ cache }: HubSettings, { hub, revision, kind }: Revision, what: string): HubError {
  const ofKind = kind === 'dataset' ? ' --repo-type dataset' : '';
  return new HubError(
    'no-access',
    `${what} is not in ${cache}, and HF_HUB_OFFLINE says to ask nobody: unset it, or first run hf download ${hub}${ofKind} --revision ${revision}`,
  );
}
