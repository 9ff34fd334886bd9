import { join } from 'node:path';
import { keyOf } from '../planner/key.ts';
import type { Key, PlanNode } from '../planner/plan.ts';
import { findArtifact } from '../store/artifact.ts';

/**
 * The events of an evaluation in the store that sampled what this node would, and read the answers by an earlier grader: the
 * newest there is; undefined of nodes that sample nothing, and where there is none.
 */
export async function earlierResponses(home: string, node: PlanNode): Promise<string | undefined> {
  if (node.type !== 'evaluate' || node.recipe.kind !== 'problems') return undefined;
  for (let grader = node.recipe.grader - 1; grader >= 1; grader--) {
    const found = await findArtifact(home, keyWithGrader(node, grader));
    if (found) return join(found.folder, 'events.jsonl');
  }
  return undefined;
}

function keyWithGrader({ preimage }: PlanNode, grader: number): Key {
  return keyOf({ ...preimage, recipe: { ...(preimage.recipe as object), grader } });
}
