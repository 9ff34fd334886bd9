import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeEnd } from '../workflows/messages.ts';

/** How a node ended, for a lineage that holds it. */
export interface NodeFinished extends NodeEnd {
  /** Id of the lineage's workflow. */
  lineage: string;
}

/** What ends within so many milliseconds is told together: a signal costs the server as much as an eighth of a node. */
const gatherMs = 50;
/** Temporal warns at 256 KB a payload and counts them all into the history. */
const mostBytes = 48 * 1024;

interface Batch {
  ends: NodeEnd[];
  bytes: number;
  /** Once the lineage was told; rejects where it could not be. */
  told: Promise<void>;
}

/**
 * Tells lineages of nodes that have ended, of all that end within a moment at once: `tell` gets the ends that came together
 * for one lineage, in their order. What is given here returns when `tell` has told of this end, and throws what it throws.
 */
export function gatherEnds(
  tell: (lineage: string, ends: readonly NodeEnd[]) => Promise<void>,
): (finished: NodeFinished) => Promise<void> {
  const open = new Map<string, Batch>();

  function begin(lineage: string): Batch {
    const batch: Batch = { ends: [], bytes: 0, told: sleep(gatherMs).then(close) };
    function close(): Promise<void> {
      if (open.get(lineage) === batch) open.delete(lineage);
      return tell(lineage, batch.ends);
    }
    open.set(lineage, batch);
    return batch;
  }

  return ({ lineage, ...end }) => {
    const bytes = Buffer.byteLength(JSON.stringify(end));
    const waiting = open.get(lineage);
    const batch = waiting !== undefined && waiting.bytes + bytes <= mostBytes ? waiting : begin(lineage);
    batch.ends.push(end);
    batch.bytes += bytes;
    return batch.told;
  };
}
