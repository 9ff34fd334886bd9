import type { Key, PlanNode } from './plan.ts';

/** The nodes one step away from a node, in one direction. */
export type Kin = (node: PlanNode) => readonly PlanNode[];

/** The keys of what has to be done before a node, by role: what it is made of, and what it has to wait for. */
export function needsOf({ parents, gates }: Pick<PlanNode, 'parents' | 'gates'>): Record<string, Key> {
  return gates === undefined ? parents : { ...parents, ...gates };
}

/** What each node needs, as far as it is among `nodes`. */
export function parentsIn(nodes: readonly PlanNode[]): Kin {
  const withKey = grouped(nodes, ({ key }) => [key]);
  return (node) => Object.values(needsOf(node)).flatMap((key) => withKey.get(key) ?? []);
}

/** What needs each node, among `nodes` and in their order. */
export function childrenIn(nodes: readonly PlanNode[]): Kin {
  const needing = grouped(nodes, (node) => new Set(Object.values(needsOf(node))));
  return ({ key }) => needing.get(key) ?? [];
}

/**
 * What is one step or more from some nodes, and at most `steps`. Nodes with one key have the same parents and children, so
 * each key is gone through once: linear time.
 */
export function reach(from: readonly PlanNode[], kin: Kin, steps: number): Set<PlanNode> {
  const reached = new Set<PlanNode>();
  const passed = new Set<Key>();
  let front = from;
  for (let left = steps; left > 0 && front.length > 0; left -= 1) {
    const ahead: PlanNode[] = [];
    for (const node of front) {
      if (passed.has(node.key)) continue;
      passed.add(node.key);
      for (const next of kin(node)) {
        if (!reached.has(next)) ahead.push(next);
        reached.add(next);
      }
    }
    front = ahead;
  }
  return reached;
}

function grouped(nodes: readonly PlanNode[], keysOf: (node: PlanNode) => Iterable<Key>): Map<Key, PlanNode[]> {
  const groups = new Map<Key, PlanNode[]>();
  for (const node of nodes) {
    for (const key of keysOf(node)) {
      const group = groups.get(key);
      if (group) group.push(node);
      else groups.set(key, [node]);
    }
  }
  return groups;
}
