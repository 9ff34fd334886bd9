import type { DuckDBConnection } from '@duckdb/node-api';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { PlanNode } from '../planner/plan.ts';
import { withDatabase } from '../results/database.ts';
import { DatabaseBusyError } from '../results/errors.ts';
import { finishOf, ingestAttempts, notIngested } from '../results/ingest.ts';
import { recordLineage } from '../results/record.ts';
import type { IngestInput } from '../results/staging.ts';
import { newestAttempt } from '../store/attempt.ts';
import { FencedError, StoreError } from '../store/errors.ts';
import { attemptFolder } from '../store/home.ts';
import { inTurns } from '../store/in-turns.ts';
import { StorageError } from '../store/remote/errors.ts';
import type { Storage } from '../store/remote/storage.ts';
import type { Claim } from './claim.ts';
import type { PlanReader } from './plans.ts';
import { findAnywhere, type Moving } from './shared.ts';
import { stopped } from './stopped.ts';

/**
 * The activities of the one writer to DuckDB. Each opens the file, writes in one transaction, and closes it. Nothing is
 * written once another worker has the claim: the activity fails, and is done by that one. One that waits for the file ends
 * at once when it is cancelled or its worker is shut down.
 */
export function resultsActivities(
  { home, storage }: { home: string; storage?: Storage | undefined },
  plans: PlanReader,
  claim: Pick<Claim, 'isHeld'>,
) {
  const write = (use: (connection: DuckDBConnection) => Promise<void>): Promise<void> =>
    beating(claim, async (signal) => {
      requireHeld(claim);
      const writing = async (connection: DuckDBConnection): Promise<void> => {
        await use(connection);
        // The last moment before the commit: it may have waited for the file, or stood still, for long.
        requireHeld(claim);
      };
      await withDatabase(home, 'write', writing, { signal });
    });
  return {
    /** Puts a plan into the tables, so that its nodes have addresses and settings before the first one ends. */
    async recordLineage({ planDigest }: { planDigest: string }): Promise<void> {
      const plan = await plans.plan(planDigest);
      await write((connection) => recordLineage(connection, plan, planDigest));
    },

    /**
     * Reads what the nodes left into the tables. Published attempts that are there already are passed over, so that it
     * may be asked for everything that a lineage reuses; of a node that failed, what it got to is read anew.
     */
    async ingestNodes({ planDigest, indexes }: { planDigest: string; indexes: number[] }): Promise<void> {
      const nodes = await Promise.all(indexes.map((index) => plans.node(planDigest, index)));
      const each: (IngestInput | undefined)[] = [];
      await beating(claim, (signal) =>
        inTurns(nodes, recordsAtOnce, signal, async (node) => {
          each.push(await findAttempt({ home, storage, signal }, node));
        }),
      );
      // A lineage may ask twice for a node: as published when it read its page, and when the node has told how it ended.
      const inputs = [...new Map(each.flatMap((input) => (input ? [[input.folder, input] as const] : []))).values()];
      if (inputs.length === 0) return;
      await write(async (connection) => {
        const missing = await notIngested(connection, inputs, finishOf);
        if (missing.length > 0) await ingestAttempts(connection, missing);
      });
    },
  };
}

function requireHeld(claim: Pick<Claim, 'isHeld'>): void {
  if (claim.isHeld()) return;
  throw new FencedError('another worker has taken over writing results; this one stands by and writes nothing');
}

/** Records that come from the storage at once. */
const recordsAtOnce = 16;

async function findAttempt(moving: Moving, node: PlanNode): Promise<IngestInput | undefined> {
  const { home } = moving;
  const artifact = await findAnywhere(moving, node);
  if (artifact !== undefined) {
    const { folder, ...manifest } = artifact;
    return { node, manifest, folder };
  }
  const number = newestAttempt(home, node.key);
  return number < (node.attempt ?? 1)
    ? undefined
    : { node, manifest: null, folder: attemptFolder(home, node.key, number) };
}

/** Tries of what fails for another reason than that somebody has the file, or the disk is full. */
const mostTries = 3;

/**
 * Heartbeats while the work goes on: it may wait for a person who has the file open, and is tried for long where that, or
 * the disk, is what hinders it, or where it is another worker's to do. What else goes wrong will go wrong again, and is
 * told soon.
 */
async function beating(
  claim: Pick<Claim, 'isHeld'>,
  work: (cancellationSignal: AbortSignal) => Promise<void>,
): Promise<void> {
  const context = Context.current();
  const { info, cancellationSignal } = context;
  const timer = setInterval(() => context.heartbeat(), 500);
  try {
    await work(cancellationSignal);
  } catch (error) {
    if (cancellationSignal.aborted) {
      // A worker that lost the claim stops serving the queue as well, and this says why.
      requireHeld(claim);
      throw stopped(
        context,
        'results were not written yet, since their worker is shut down: another goes on with them',
      );
    }
    const passes = [DatabaseBusyError, StoreError, FencedError, StorageError].some((kind) => error instanceof kind);
    if (passes || info.attempt < mostTries) throw error;
    throw ApplicationFailure.create({
      message: (error as Error).message,
      type: 'results',
      nonRetryable: true,
      cause: error as Error,
    });
  } finally {
    clearInterval(timer);
  }
}
