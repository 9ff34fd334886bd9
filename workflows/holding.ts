import { CancellationScope } from '@temporalio/workflow';
import { light } from './calls.ts';
import type { RunSettings } from './messages.ts';

/** Nodes in one call: few enough for short tasks, many enough for short histories. */
const batchSize = 50;

/** The training nodes that a lineage asks for and lets go of. */
export interface Holding {
  /** Starts their workflows, or joins them where another lineage has started them. Asking again changes nothing. */
  request(indexes: readonly number[]): Promise<void>;
  /** Asks again for those that run no more: word of their end was lost. Leaves no trace in the histories of all others. */
  lookAfter(indexes: readonly number[]): Promise<void>;
  /** Lets go of them, once whatever is being asked for has been: or its hold would come after, and nobody take it back. */
  release(indexes: () => readonly number[]): Promise<void>;
}

/** What a lineage, by its workflow's id, holds of its plan. Neither call can be cancelled: half a hold would leak. */
export function holdingOf(lineage: string, planDigest: string, settings: RunSettings): Holding {
  const underWay = new Set<Promise<void>>();
  const ask = (indexes: readonly number[], unlessRunning: boolean): Promise<void> => {
    const asking = CancellationScope.nonCancellable(async () => {
      const each = { planDigest, lineage, settings, unlessRunning };
      await Promise.all(inBatches(indexes).map((part) => light.requestNodes({ ...each, indexes: part })));
    }).finally(() => underWay.delete(asking));
    underWay.add(asking);
    return asking;
  };
  return {
    request: (indexes) => ask(indexes, false),
    lookAfter: (indexes) => ask(indexes, true),
    release(indexes) {
      return CancellationScope.nonCancellable(async () => {
        await Promise.allSettled(underWay);
        for (const part of inBatches(indexes())) await light.releaseNodes({ planDigest, indexes: part, lineage });
      });
    },
  };
}

function inBatches(indexes: readonly number[]): number[][] {
  const count = Math.ceil(indexes.length / batchSize);
  return Array.from({ length: count }, (_, at) => indexes.slice(at * batchSize, (at + 1) * batchSize));
}
