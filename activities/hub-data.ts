import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { namesMatching } from '../planner/files.ts';
import type { HubDataRecipe } from '../planner/plan.ts';
import { NodeError } from './failures.ts';
import { type HubOptions, hubFiles } from './hub-files.ts';

/**
 * Brings the files of a repository of data at a commit that its patterns name into a folder, each checked by digest: out of
 * the cache of the Hub's libraries where it has them, which offline is all there is, or from the endpoint. What is there
 * already stays, so that an execution after this one goes on where it ended. Gives their paths, in the order of their names.
 *
 * @throws HubError; NodeError `bad-data` where no file has such a name, one of several shards is missing, or one in the cache
 * is damaged; the signal's reason when it is aborted.
 */
export async function bringData(recipe: HubDataRecipe, folder: string, options: HubOptions): Promise<string[]> {
  const { hub, revision } = recipe;
  const files = await hubFiles({ hub, revision, kind: 'dataset' }, options);
  const names = namesMatching(recipe.patterns, [...files.names]);
  if (names.length === 0)
    throw new NodeError('bad-data', `${hub} has no file at that commit that ${recipe.patterns.join(', ')} names`);
  const missing = missingShard(names);
  if (missing !== undefined)
    throw new NodeError(
      'bad-data',
      `${missing} of ${hub} is not among its files: name it in \`files\`, or download it too`,
    );
  await mkdir(folder, { recursive: true });
  const paths: string[] = [];
  for (const name of names) {
    options.signal.throwIfAborted();
    const path = join(folder, encodeURIComponent(name));
    await files.bring(name, path);
    paths.push(path);
  }
  return paths;
}

/** The first file that is not there of those that say how many they are, `test-00000-of-00002.parquet`. */
function missingShard(names: readonly string[]): string | undefined {
  const present = new Set(names);
  for (const name of names) {
    const [, before, count, after] = /^(.*)-\d{5}-of-(\d{5})(.*)$/.exec(name) ?? [];
    for (let index = 0; index < Number(count ?? 0); index++) {
      const shard = `${before}-${String(index).padStart(5, '0')}-of-${count}${after}`;
      if (!present.has(shard)) return shard;
    }
  }
  return undefined;
}
