import type { NodeState } from '../../planner/verdict.ts';
import type { Bucket } from './bucket.ts';
import { manifestsOf, parseManifestName } from './names.ts';

/** What a bucket has, as it was listed at some moment. */
export interface SharedIndex {
  /** How a key stands there, its attempts from `from` on: done, or none. `finishedAt` is when its manifest came. */
  state(key: string, from?: number): Extract<NodeState, { state: 'done' | 'none' }>;
}

/** Lists all that a bucket has: a request for each thousand of manifests, whatever number of them is asked about. */
export async function listShared(bucket: Bucket): Promise<SharedIndex> {
  const newest = new Map<string, { attempt: number; finishedAt: Date }>();
  for await (const { name, modifiedAt } of bucket.list(manifestsOf())) {
    const found = parseManifestName(name);
    if (found === undefined) continue;
    const before = newest.get(found.key);
    if (before === undefined || before.attempt < found.attempt) {
      newest.set(found.key, { attempt: found.attempt, finishedAt: modifiedAt });
    }
  }
  return {
    state(key, from = 1) {
      const found = newest.get(key);
      if (found === undefined || found.attempt < from) return { state: 'none' };
      return { state: 'done', attempt: found.attempt, finishedAt: found.finishedAt.toISOString() };
    },
  };
}
