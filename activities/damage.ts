import { verifyArtifact } from '../store/artifact.ts';
import { emptyAttempt } from '../store/attempt.ts';
import type { Artifact } from '../store/inspect.ts';
import type { Execution } from './execution.ts';
import { NodeError } from './failures.ts';

/** What is wrong with a node's parents, all their files hashed again; undefined where nothing is. Rejects when it is aborted. */
export async function findDamage(parents: Record<string, Artifact>, signal: AbortSignal): Promise<string | undefined> {
  for (const [role, artifact] of Object.entries(parents)) {
    const found = await verifyArtifact(artifact, () => signal.throwIfAborted());
    if (!found.ok) return `its ${role}, ${artifact.key.slice(0, 12)}, is damaged: ${found.reason}`;
  }
  return undefined;
}

/** What was made from a damaged parent would look like any other, and stay: it is removed, and the node fails. */
export function refuseDamaged({ node, attempt }: Execution, damage: string | undefined): void {
  if (damage === undefined) return;
  emptyAttempt(attempt);
  throw new NodeError('no-parent', `${node.address} cannot go on: ${damage}. Run the lineage again`);
}
