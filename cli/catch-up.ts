import type { Key, Plan } from '../planner/plan.ts';
import { type Verdict, verdictOf } from '../planner/verdict.ts';
import { withDatabase } from '../results/database.ts';
import { ingestAttempts, notIngested } from '../results/ingest.ts';
import { recordLineage } from '../results/record.ts';
import type { IngestInput } from '../results/staging.ts';
import { findArtifact } from '../store/artifact.ts';

/**
 * Makes the plan the current version of its lineage, and reads what the store has of its nodes into the results where
 * they lack it. A lineage with something to run does this on its way; this is for one that has nothing to run, as its
 * verdicts say: of what the results have, not even the manifests are read again.
 */
export async function catchUp(
  home: string,
  plan: Plan,
  planDigest: string,
  verdicts: ReadonlyMap<Key, Verdict>,
): Promise<void> {
  const done = plan.nodes.flatMap((node) => {
    const { reason } = verdictOf(node, verdicts);
    return reason.kind === 'done'
      ? [{ node, key: node.key, attempt: reason.attempt, finishedAt: reason.finishedAt }]
      : [];
  });
  await withDatabase(home, 'write', async (connection) => {
    await recordLineage(connection, plan, planDigest);
    const missing: IngestInput[] = [];
    for (const { node } of await notIngested(connection, done, (finish) => finish)) {
      const artifact = await findArtifact(home, node.key, node.attempt);
      if (artifact === undefined) continue;
      const { folder, ...manifest } = artifact;
      missing.push({ node, manifest, folder });
    }
    if (missing.length > 0) await ingestAttempts(connection, missing);
  });
}
