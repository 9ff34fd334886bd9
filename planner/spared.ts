import type { Key, PlanNode } from './plan.ts';

/** Whether a trunk is spared, given which keys are done. */
export type Sparing = (trunk: Key, isDone: (key: Key) => boolean) => boolean;

/**
 * Tells which trunks among `nodes` have nothing left to be for: a trunk is no result but what others go on from, so where
 * all of these are done, or are longer trunks that are spared themselves, it need not be trained. That is how adopted
 * models, results of before there were trunks, and trunks that were removed cost no training. A trunk that nothing among
 * `nodes` goes on from was asked for itself, and is not spared.
 */
export function sparing(nodes: readonly PlanNode[]): Sparing {
  const goingOn = new Map<Key, PlanNode[]>();
  for (const node of nodes) {
    const { trunk } = node.parents;
    if (trunk !== undefined) goingOn.set(trunk, [...(goingOn.get(trunk) ?? []), node]);
  }
  return (trunk, isDone) => {
    const asked = [trunk];
    for (let next = asked.pop(); next !== undefined; next = asked.pop()) {
      const after = goingOn.get(next) ?? [];
      if (after.length === 0) return false;
      for (const { key, type } of after) {
        if (isDone(key)) continue;
        if (type !== 'trunk') return false;
        asked.push(key);
      }
    }
    return true;
  };
}
