import { undecayed } from './checks/decay.ts';
import type { Key, PlanNode } from './plan.ts';

/**
 * What whoever compares a model with others has to know of it: that its learning rate did not decay, or that its stage may
 * learn from problems that are not its own (`allowOverlap`); of itself, or of a model before it in its chain.
 */
export const marks = ['undecayed', 'undecayed ancestor', 'overlap allowed', 'overlap allowed in ancestor'] as const;
export type Mark = (typeof marks)[number];

/**
 * The marks of the nodes of a plan that have any, by address, each list in the order of `marks`. An evaluation has those of
 * its model. Of a certificate it is that its stage may overlap. Whether it does overlap is in the certificate alone.
 */
export function marksOf(nodes: readonly PlanNode[]): Map<string, Mark[]> {
  const found = new Map<string, Mark[]>();
  const byKey = new Map<Key, Mark[]>();
  for (const node of nodes) {
    const parent = byKey.get(node.parents.parent as Key) ?? [];
    const all = node.type === 'evaluate' ? parent : ofNode(node, parent);
    if (all.length === 0) continue;
    found.set(node.address, all);
    byKey.set(node.key, all);
  }
  return found;
}

function ofNode(node: PlanNode, parent: readonly Mark[]): Mark[] {
  const has = new Set<Mark>();
  if (undecayed(node)) has.add('undecayed');
  if (parent.some((mark) => mark.startsWith('undecayed'))) has.add('undecayed ancestor');
  if (node.settings.allowOverlap !== undefined) has.add('overlap allowed');
  if (parent.some((mark) => mark.startsWith('overlap'))) has.add('overlap allowed in ancestor');
  return marks.filter((mark) => has.has(mark));
}
