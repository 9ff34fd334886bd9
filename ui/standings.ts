/** How the nodes of a lineage stand, as the page is told. */
import type { NodeNow } from './live.ts';
import type { Progress, Standing } from './protocol.ts';

/** How many nodes stand how. */
export function countsOf(nodes: readonly NodeNow[]): Record<Standing, number> {
  const counts = { waiting: 0, running: 0, done: 0, failed: 0, blocked: 0, interrupted: 0 };
  for (const { state } of nodes) counts[state] += 1;
  return counts;
}

/** Of those that run, how far they are. */
export function progressOf(nodes: readonly NodeNow[]): Progress[] {
  return nodes.flatMap(({ progress }, node) => (progress === null ? [] : [{ node, ...progress }]));
}

/** Why nodes stand as they do, by index, of those that have a reason. */
export function reasonsOf(nodes: readonly NodeNow[], of: Iterable<number> = nodes.keys()): Record<number, string> {
  const reasons: Record<number, string> = {};
  for (const index of of) {
    const reason = nodes[index]?.reason;
    if (reason) reasons[index] = reason;
  }
  return reasons;
}
