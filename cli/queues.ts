import type { Key } from '../planner/plan.ts';
import type { QueueReason } from '../workflows/messages.ts';
import type { NodeLook, NodeStatus } from './lineages.ts';
import type { RunEvent } from './render/run-event.ts';
import { queueText, severalText } from './render/sentences.ts';

/** Tells what keeps jobs in a cluster's queue besides that others are before them: each reason once a node, of all nodes together. */
export function watchQueues(report: (event: Extract<RunEvent, { event: 'notice' }>) => void) {
  const told = new Set<string>();
  return (
    nodes: readonly Pick<NodeStatus, 'key' | 'address'>[],
    progress: ReadonlyMap<Key, Pick<NodeLook, 'phase' | 'queue'>>,
  ): void => {
    const queued = new Map<string, { queue: QueueReason; addresses: string[] }>();
    for (const { key, address } of nodes) {
      const { phase, queue } = progress.get(key) ?? {};
      // What a cluster says besides changes with its machines.
      const mark = `${key} ${queue?.reason}`;
      if (phase !== 'queued' || queue === undefined || queue.weight === 'ordinary' || told.has(mark)) continue;
      told.add(mark);
      const alike = queued.get(queue.reason) ?? { queue, addresses: [] };
      alike.addresses.push(address);
      queued.set(queue.reason, alike);
    }
    for (const { queue, addresses } of queued.values())
      report({ event: 'notice', text: `${severalText(addresses)}: in the cluster's queue: ${queueText(queue)}` });
  };
}
