import { CancellationScope, condition, isCancellation } from '@temporalio/workflow';
import { failureOf, writer } from './calls.ts';
import type { NodeFailure, RunSettings } from './messages.ts';

/** Nodes whose events go into DuckDB with one call: it likes large transactions. */
const largestBatch = 500;
/** What ends within so many seconds goes into DuckDB together. */
const gatherSeconds = 2;

/**
 * What of a lineage goes into DuckDB, with one call at a time: to open the file costs more than many nodes. Somebody may
 * have it open for an hour, so nothing waits for these calls but the lineage's end.
 */
export interface Recording {
  /** Whether nothing is left to write. */
  readonly idle: boolean;
  /** Why results could not be stored. Until `tryAgain` no more are: the store has them, and the next run ingests them. */
  readonly failure: NodeFailure | undefined;
  /** Nodes that have ended, by their places in the plan. */
  add(indexes: readonly number[]): void;
  tryAgain(): void;
  /** Returns once it is idle, or after so many seconds, when it gives up what is left. Whether all was written. */
  finish(seconds: number): Promise<boolean>;
}

export interface RecordingOptions {
  planDigest: string;
  settings: RunSettings;
  /** Whether the plan is to be recorded before its nodes. */
  withPlan: boolean;
  /** Why results could not be stored in the history before this one. */
  failure: NodeFailure | undefined;
  /** Whether there is nothing to wait for that could go into DuckDB together with what is there. */
  inHurry(): boolean;
  /** Told after each call. */
  onWritten(): void;
}

/** A recording that goes on when its workflow is cancelled, until `finish`. */
export function recordingOf(options: RecordingOptions): Recording {
  const { planDigest, settings, inHurry, onWritten } = options;
  const results = writer(settings);
  const scope = new CancellationScope({ cancellable: true, parent: new CancellationScope({ cancellable: false }) });
  let { failure } = options;
  let planRecorded = !options.withPlan;
  let waiting: number[] = [];
  let writing = false;
  let finishing = false;
  let closed = false;
  let missed = false;
  /** Counts how often it was tried again: a failure of what was begun before says nothing of what is asked for since. */
  let round = 0;

  const isIdle = () => !writing && (failure !== undefined || closed || (planRecorded && waiting.length === 0));

  function writeNext(): void {
    if (failure !== undefined) waiting = [];
    if (writing || isIdle()) return;
    writing = true;
    void scope.run(write);
  }

  async function write(): Promise<void> {
    const begun = round;
    try {
      await (planRecorded ? writeNodes() : results.recordLineage({ planDigest }));
      planRecorded = true;
    } catch (error) {
      // Only `finish` cancels, and it has given up the rest.
      if (!isCancellation(error) && begun === round) failure = failureOf(error);
    }
    writing = false;
    writeNext();
    onWritten();
  }

  async function writeNodes(): Promise<void> {
    const enough = () => finishing || inHurry() || waiting.length >= largestBatch;
    await condition(enough, `${gatherSeconds} seconds`);
    await results.ingestNodes({ planDigest, indexes: waiting.splice(0, largestBatch) });
  }

  writeNext();
  return {
    get idle() {
      return isIdle();
    },
    get failure() {
      return failure;
    },
    add(indexes) {
      if (closed) missed = true;
      else waiting.push(...indexes);
      writeNext();
    },
    tryAgain() {
      failure = undefined;
      round += 1;
      writeNext();
    },
    async finish(seconds) {
      finishing = true;
      if (!(await condition(isIdle, `${seconds} seconds`))) {
        closed = true;
        missed = true;
        waiting = [];
        scope.cancel();
        await condition(isIdle);
      }
      return !missed;
    },
  };
}
