import { setTimeout as sleep } from 'node:timers/promises';
import { type Claim, claimResults } from '../activities/claim.ts';
import { StoreError } from '../store/errors.ts';

export interface WriterRun {
  home: string;
  /** A writer that nobody hears of for this long is taken for lost; one of this machine that has ended at once. */
  staleSeconds: number;
  /** Ends it. */
  signal: AbortSignal;
  /** Serves the results queue until the signal is aborted and all is handed back. */
  serve(claim: Claim, signal: AbortSignal): Promise<void>;
  /** Gets a sentence on what keeps this worker from making the claim. */
  tell(text: string): void;
}

/**
 * Serves the results queue while this worker has the home's claim to write, and stands by while another has it: DuckDB
 * has one writer, however many workers there are. Its own lock on the file promises that on one machine only.
 */
export async function serveAsWriter(run: WriterRun): Promise<void> {
  const { signal, serve } = run;
  while (!signal.aborted) {
    const claim = await claimInTime(run);
    try {
      if (claim !== undefined) await serve(claim, AbortSignal.any([signal, claim.lost]));
    } finally {
      claim?.release();
    }
  }
}

/** The claim; undefined where there is none to be had any more, or not now. */
async function claimInTime({ home, staleSeconds, signal, tell }: WriterRun): Promise<Claim | undefined> {
  try {
    return await claimResults(home, { staleSeconds, signal });
  } catch (error) {
    if (signal.aborted) return undefined;
    if (!(error instanceof StoreError)) throw error;
    // On a full disk nothing could be written to DuckDB either; devices go on meanwhile.
    tell(error.message);
    await sleep(1000, undefined, { signal }).catch(() => undefined);
    return undefined;
  }
}
