import type { Key, Plan, PlanNode } from './plan.ts';

/**
 * The plan with another attempt asked of `nodes`, though they are done: each gets the number after the attempt that is,
 * which `doneAttempt` gives; a node of which none is done runs anyway. `begun` has the attempts that an unfinished run of
 * the same nodes asks for: what it has done already is not done again. Whatever has the same key is the same node. Keys
 * stay as they are, and so does what goes on from these nodes and is done: a key covers what goes in, not what came out.
 */
export function forceNodes(
  plan: Plan,
  nodes: readonly PlanNode[],
  doneAttempt: (key: Key) => number | undefined,
  begun: ReadonlyMap<Key, number> = new Map(),
): Plan {
  const attempts = new Map<Key, number>();
  for (const { key } of nodes) {
    const done = doneAttempt(key);
    if (done !== undefined) attempts.set(key, Math.min(done + 1, begun.get(key) ?? done + 1));
  }
  const forced = (node: PlanNode): PlanNode => {
    const attempt = attempts.get(node.key);
    return attempt === undefined ? node : { ...node, attempt };
  };
  return { ...plan, nodes: plan.nodes.map(forced) };
}
