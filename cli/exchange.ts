import { findAnywhere } from '../activities/shared.ts';
import type { PlanNode } from '../planner/plan.ts';
import { newestWhole } from '../store/artifact.ts';
import { inTurns } from '../store/in-turns.ts';
import { shareArtifact } from '../store/remote/share.ts';
import { isShared, type Storage } from '../store/remote/storage.ts';

/** Nodes whose records come or whose files go at once. */
const atOnce = 16;

/**
 * Makes home and storage agree on nodes that are done, and of which nothing is to run: of those that only the storage has,
 * the records come; those that only this home has go up. Throws a StorageError.
 */
export async function exchange(home: string, storage: Storage, nodes: readonly PlanNode[]): Promise<void> {
  const { signal } = new AbortController();
  const index = await storage.lately();
  await inTurns(nodes, atOnce, signal, async (node) => {
    const here = newestWhole(home, node.key, node.attempt);
    if (here === undefined) {
      const isThere = index.state(node.key, node.attempt).state === 'done';
      if (isThere) await findAnywhere({ home, storage, signal }, node);
    } else if (!isShared(storage, here.folder)) await shareArtifact(storage.bucket, here);
  });
}
