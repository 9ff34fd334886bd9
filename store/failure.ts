import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Failure } from '../planner/verdict.ts';
import type { TrainerEvent } from '../schemas/types/event.ts';
import { readNote, writeNote } from './notes.ts';
import { readEnd } from './read-end.ts';

/*
 * Why an attempt failed. A trainer says so itself, in the record of its attempt; of one that could not be started, was killed
 * or took too long only its worker knows, and notes it in the attempt's folder.
 */

/** Notes why an attempt failed, once it is not tried again. Throws a StoreError where the disk is full or may not be written. */
export function noteFailure(attemptFolder: string, failure: Failure): void {
  writeNote(failurePath(attemptFolder), failure);
}

/** Forgets what was noted: the attempt goes on. */
export function forgetFailure(attemptFolder: string): void {
  rmSync(failurePath(attemptFolder), { force: true });
}

/** What was noted of an attempt; undefined where it has not failed, or another execution goes on with it. */
export function notedFailure(attemptFolder: string): Failure | undefined {
  return readNote<Failure>(failurePath(attemptFolder)) ?? undefined;
}

/** Why an attempt failed: as its worker noted, or where it is the last thing its record says; undefined otherwise. */
export function failureIn(attemptFolder: string): Failure | undefined {
  return notedFailure(attemptFolder) ?? saidFailure(attemptFolder);
}

/** Longest event that is looked for at a record's end. */
const longestEnd = 64 * 1024;

/** Reads the record's end only. */
function saidFailure(attemptFolder: string): Failure | undefined {
  const path = join(attemptFolder, 'events.jsonl');
  if (!existsSync(path)) return undefined;
  const [last = ''] = readEnd(path, longestEnd).split('\n').slice(-2);
  try {
    const event = JSON.parse(last) as Partial<TrainerEvent>;
    if (event.event === 'failed') return { kind: String(event.kind), message: String(event.message) };
  } catch (error) {
    // Half a line, or the end of a very long one, or none.
    if (!(error instanceof SyntaxError)) throw error;
  }
  return undefined;
}

function failurePath(attemptFolder: string): string {
  return join(attemptFolder, 'failure.json');
}
