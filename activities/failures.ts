import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/common';
import { FencedError, StoreError } from '../store/errors.ts';
import { keyFolder } from '../store/home.ts';
import { readNote, writeNote } from '../store/notes.ts';

/**
 * How often a node is tried without getting to a new checkpoint, by what went wrong. What cannot turn out otherwise is
 * tried once. Temporal retries without a limit; this is the limit.
 */
const mostTries: Record<string, number> = {
  'bad-job': 1,
  'bad-data': 1,
  'bad-events': 1,
  'no-trainer': 1,
  'no-parent': 1,
  'accepted-gone': 1,
  'timed-out': 1,
  diverged: 1,
  internal: 2,
  'out-of-memory': 2,
  'disk-full': 5,
  'device-lost': 5,
  killed: 5,
  store: 5,
  fenced: 5,
};

/** Tries that no kind of failure is given more of; that many in a row ended without a word when it is exceeded. */
export const mostTriesOfAny = Math.max(...Object.values(mostTries));

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

/** The failure that Temporal is given: retryable unless this kind of failure has had its tries. */
export function failureFor(error: unknown, tries: number): ApplicationFailure {
  const { kind, message, lastLines } = asNodeError(error);
  const most = mostTries[kind] ?? 2;
  const nonRetryable = tries >= most;
  const often = nonRetryable && most > 1 ? ` (${most} tries ended like this without reaching a new checkpoint)` : '';
  return ApplicationFailure.create({
    message: `${message}${often}`,
    type: kind,
    nonRetryable,
    details: [{ lastLines }],
    ...(error instanceof Error ? { cause: error } : {}),
  });
}

function asNodeError(error: unknown): Pick<NodeError, 'kind' | 'message' | 'lastLines'> {
  if (error instanceof NodeError) return error;
  if (error instanceof FencedError) return { kind: 'fenced', message: error.message, lastLines: [] };
  if (error instanceof StoreError) return { kind: 'store', message: error.message, lastLines: [] };
  return { kind: 'internal', message: String((error as Error | undefined)?.message ?? error), lastLines: [] };
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
