import { rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/common';
import { HubError } from '../hub/errors.ts';
import { FencedError, StoreError } from '../store/errors.ts';
import { keyFolder } from '../store/home.ts';
import { readNote, writeNote } from '../store/notes.ts';
import { StorageError } from '../store/remote/errors.ts';

/**
 * Seconds before each further try of a node that does not get to a new checkpoint, by what went wrong; one that has had
 * them all has failed. What cannot turn out otherwise is tried once, what somebody or something else may mend is given
 * time: space that is freed, a device that comes back, memory that a neighbour lets go of. Temporal retries without a
 * limit; this is the limit.
 */
export const waitsBetweenTries: Readonly<Record<string, readonly number[]>> = {
  'bad-job': [],
  'bad-data': [],
  'no-access': [],
  'bad-download': [2],
  'bad-events': [],
  'no-trainer': [],
  'no-parent': [],
  'accepted-gone': [],
  'timed-out': [],
  diverged: [],
  internal: [1],
  'out-of-memory': [10],
  'disk-full': [2, 10, 60, 300],
  'no-network': [2, 10, 60, 300],
  'device-lost': [2, 10, 60, 60],
  killed: [1, 2, 4, 8],
  store: [1, 2, 4, 8],
  fenced: [1, 2, 4, 8],
  'no-launcher': [],
  'no-cluster': [2, 10, 60, 300],
  'job-cancelled': [],
  'time-limit': [1],
};

/** Of a kind that is not known: a trainer of the user's own may have words of its own. */
const otherwise = [1];

/** Tries that no kind of failure is given more of; that many in a row ended without a word when it is exceeded. */
export const mostTriesOfAny = Math.max(...Object.values(waitsBetweenTries).map(({ length }) => length + 1));

/** What went wrong with a node, before it is known whether it is tried again. */
export class NodeError extends Error {
  override name = 'NodeError';
  readonly kind: string;
  readonly lastLines: string[];

  constructor(kind: string, message: string, lastLines: string[] = []) {
    super(message);
    this.kind = kind;
    this.lastLines = lastLines;
  }
}

/** Whether it is no failure of the node's, which is tried again however often that comes: others went before it. */
export function isUncounted(error: unknown): boolean {
  return asNodeError(error).kind === 'preempted';
}

/** The failure that Temporal is given: retryable, after a while, unless this kind of failure has had its tries. */
export function failureFor(error: unknown, tries: number): ApplicationFailure {
  const { kind, message, lastLines } = asNodeError(error);
  const foreseen = kind !== 'internal';
  const waits = waitsBetweenTries[kind] ?? otherwise;
  const wait = waits[tries - 1];
  const often =
    wait === undefined && waits.length > 0
      ? ` (${waits.length + 1} tries ended like this without reaching a new checkpoint)`
      : '';
  const failure = ApplicationFailure.create({
    message: `${message}${often}`,
    type: kind,
    nonRetryable: wait === undefined,
    ...(wait === undefined ? {} : { nextRetryDelay: `${wait} seconds` }),
    details: [{ lastLines }],
    ...(foreseen || !(error instanceof Error) ? {} : { cause: error }),
  });
  // Where in the code it was thrown helps nobody who reads it, unless nobody foresaw it.
  if (foreseen) failure.stack = '';
  return failure;
}

/** The kind of any error, and what it says. */
export function asNodeError(error: unknown): Pick<NodeError, 'kind' | 'message' | 'lastLines'> {
  if (error instanceof NodeError) return error;
  if (error instanceof HubError || error instanceof StorageError)
    return { kind: error.kind, message: error.message, lastLines: [] };
  if (error instanceof FencedError) return { kind: 'fenced', message: error.message, lastLines: [] };
  const message = String((error as Error | undefined)?.message ?? error);
  if (saysDiskFull(error)) return { kind: 'disk-full', message, lastLines: [] };
  return { kind: error instanceof StoreError ? 'store' : 'internal', message, lastLines: [] };
}

/** Less free space than this, and the next event may not fit either; a file system keeps some of it to itself. */
const nearlyFullBytes = 256 * 1024;

/** Whether the disk of a folder has no room that is worth mentioning. */
export function isDiskFull(folder: string): boolean {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize < nearlyFullBytes;
}

/** Whether a system call said so, be it that the store has put it into words. */
function saysDiskFull(error: unknown): boolean {
  const { code } = ((error instanceof StoreError ? error.cause : error) ?? {}) as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** How often in a row a node was tried from the same place. */
export interface Tries {
  attempt: number;
  /** Step of the checkpoint it went on from, 0 for none. */
  step: number;
  count: number;
}

/** How many tries of a node there have been from a step of an attempt, as far as they were noted; 0 of another step. */
export function triesFrom(home: string, key: string, from: Omit<Tries, 'count'>): number {
  const noted = readNote<Tries>(triesPath(home, key));
  return noted && noted.attempt === from.attempt && noted.step === from.step ? noted.count : 0;
}

/** Notes how many tries there have been. On disk, so that tries count whose worker was killed as well. */
export function noteTries(home: string, key: string, tries: Tries): void {
  writeNote(triesPath(home, key), tries);
}

/** A try that ended well, or because somebody wanted it to, does not count; nor do any once a node has failed for good. */
export function forgetTries(home: string, key: string): void {
  rmSync(triesPath(home, key), { force: true });
}

function triesPath(home: string, key: string): string {
  return join(keyFolder(home, key), 'tries.json');
}
