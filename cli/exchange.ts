import { findAnywhere, share } from '../activities/shared.ts';
import type { PlanNode } from '../planner/plan.ts';
import { newestWhole } from '../store/artifact.ts';
import { inTurns } from '../store/in-turns.ts';
import type { Artifact } from '../store/inspect.ts';
import { partBytes } from '../store/remote/bucket.ts';
import { isShared, type Storage } from '../store/remote/storage.ts';

/** Nodes whose records come, or whose small files go, at once. */
const atOnce = 16;

/**
 * Makes home and storage agree on nodes that are done, and of which nothing is to run: of those that only the storage has,
 * the records come; those that only this home has go up; and where another host was first, what it made takes the place of
 * what was made here, unless that is used now. Throws a StorageError.
 */
export async function exchange(home: string, storage: Storage, nodes: readonly PlanNode[]): Promise<void> {
  const { signal } = new AbortController();
  const moving = { home, storage, signal };
  const index = await storage.lately();
  const toShare: Artifact[] = [];
  await inTurns(nodes, atOnce, signal, async (node) => {
    const here = newestWhole(home, node.key, node.attempt);
    if (here === undefined) {
      const isThere = index.state(node.key, node.attempt).state === 'done';
      if (isThere) await findAnywhere(moving, node);
    } else if (!isShared(storage, here.folder)) toShare.push(here);
  });
  // Of what goes up in parts several are in memory; files of one node already take what a connection gives.
  const large = new Set(toShare.filter(({ files }) => files.some(({ bytes }) => bytes > partBytes)));
  const small = toShare.filter((artifact) => !large.has(artifact));
  for (const [artifacts, together] of [[small, atOnce] as const, [large, 1] as const])
    await inTurns(artifacts, together, signal, async (artifact) => void (await share(moving, artifact)));
}
