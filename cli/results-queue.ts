import { homeId } from '../store/home-id.ts';
import type { TemporalConfig } from '../temporal.config.ts';
import { resultsQueue } from '../workflows/names.ts';

/**
 * The queue of the one writer to a home's DuckDB. Hosts that have an object storage in common have homes of their own, and
 * each lineage's results go into the home that it was started in; so there each home has its own queue.
 */
export async function resultsQueueOf(home: string, { queue, storage }: TemporalConfig): Promise<string> {
  return storage === undefined ? resultsQueue(queue) : `${resultsQueue(queue)}-${await homeId(home)}`;
}
