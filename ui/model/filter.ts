import type { LineageView, Standing } from '../protocol.ts';

/** What a list of nodes is narrowed by; empty narrows by nothing. */
export interface NodeFilter {
  /** Words that an address or a key has: `rl seed=2`. */
  text: string;
  /** A group's name. */
  stage: string;
  standing: Standing | '';
}

/** Indexes of the nodes that a filter lets through, in the plan's order. */
export function filterNodes({ nodes, groups }: Pick<LineageView, 'nodes' | 'groups'>, filter: NodeFilter): number[] {
  const words = filter.text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  const group = filter.stage === '' ? -1 : groups.findIndex(({ name }) => name === filter.stage);
  const found: number[] = [];
  for (const [node, address] of nodes.address.entries()) {
    if (filter.stage !== '' && nodes.group[node] !== group) continue;
    if (filter.standing !== '' && nodes.standing[node] !== filter.standing) continue;
    const low = address.toLowerCase();
    if (words.every((word) => low.includes(word) || nodes.key[node]?.startsWith(word))) found.push(node);
  }
  return found;
}
