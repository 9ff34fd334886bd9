import type { LineageView, Progress, Standing } from '../protocol.ts';

/** In the order that `descent status` counts them. */
export const standings: readonly Standing[] = ['done', 'running', 'interrupted', 'waiting', 'failed', 'blocked'];

/** How many of some nodes stand how. */
export type Counts = Readonly<Record<Standing, number>>;

/** How many of these nodes, by index in `standing`, stand how. */
export function countStandings(standing: readonly Standing[], nodes: Iterable<number> = standing.keys()): Counts {
  const counts: Record<Standing, number> = { done: 0, running: 0, interrupted: 0, waiting: 0, failed: 0, blocked: 0 };
  for (const node of nodes) counts[standing[node] as Standing] += 1;
  return counts;
}

/** `5 done, 1 failed`; nothing that is none. */
export function countsInWords(counts: Counts): string {
  return standings.flatMap((one) => (counts[one] > 0 ? [`${counts[one]} ${one}`] : [])).join(', ');
}

/** Nodes in all. */
export function total(counts: Counts): number {
  return standings.reduce((sum, one) => sum + counts[one], 0);
}

/** How far each running node is, by its index. */
export function progressByNode(view: LineageView): ReadonlyMap<number, Progress> {
  return new Map(view.progress.map((one) => [one.node, one]));
}
