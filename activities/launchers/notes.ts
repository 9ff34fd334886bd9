import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { newestLease } from '../../store/lease.ts';
import { readNote, writeNewNote, writeNote } from '../../store/notes.ts';
import type { TrainerCommand, TrainerExit } from '../trainer.ts';
import type { JobName } from './launcher.ts';

/*
 * What a worker and a cluster's job tell each other, in `jobs/` of the attempt's folder, which both see: `<n>.json` is of the
 * job that execution n was handed in as, for as long as somebody may follow it; `<n>.began.json` is there once a trainer of execution n was started, and
 * `<n>.end.json` says how it ended. A job that its cluster starts again begins the next execution itself.
 */

/** What a job begins with. */
export interface LaunchNote extends Omit<TrainerCommand, 'env'> {
  job: JobName;
  /** The device class whose launcher knows the job. */
  device: string;
}

/** When, and where, an execution was begun. */
export interface Began {
  /** ISO 8601, UTC. */
  at: string;
  machine: string;
}

/** How an execution ended. */
export interface JobEnd extends TrainerExit {
  /** What the job was asked first: to save and exit (`stop`), or the same because its time is up (`limit`). */
  asked: 'stop' | 'limit' | null;
  /** Its machine's kernel killed for want of memory meanwhile. */
  memoryRanOut?: true;
  /** Where the trainer's program could not be started, why. */
  error?: string;
}

/** Where it lies what the job begins with that an execution is handed in as. */
export function launchPath(folder: string, execution: number): string {
  return join(folder, 'jobs', `${execution}.json`);
}

/** Writes what a job begins with. */
export function writeLaunch(note: LaunchNote): void {
  writeNote(launchPath(note.folder, note.execution), note);
}

/** The job that an execution, which is its first, was handed in as; undefined where it is none. */
export function readLaunch(folder: string, execution: number): LaunchNote | undefined {
  return readNote<LaunchNote>(launchPath(folder, execution)) ?? undefined;
}

/** Has nobody join the job any more. */
export function forgetLaunch(folder: string, execution: number): void {
  rmSync(launchPath(folder, execution), { force: true });
}

/** Whether a trainer of an execution was started. */
export function hasBegun(folder: string, execution: number): boolean {
  return existsSync(beganPath(folder, execution));
}

/** Notes that an execution begins; false where it has begun before. */
export function writeBegan(folder: string, execution: number, began: Began): boolean {
  return writeNewNote(beganPath(folder, execution), began);
}

/** Notes how an execution ended. */
export function writeEnd(folder: string, execution: number, end: JobEnd): void {
  writeNote(endPath(folder, execution), end);
}

/** How an execution ended; undefined while it has not, or where its job was killed. */
export function readEnd(folder: string, execution: number): JobEnd | undefined {
  return readNote<JobEnd>(endPath(folder, execution)) ?? undefined;
}

function beganPath(folder: string, execution: number): string {
  return join(folder, 'jobs', `${execution}.began.json`);
}

function endPath(folder: string, execution: number): string {
  return join(folder, 'jobs', `${execution}.end.json`);
}

/** The newest execution of a job, which may have been started again; undefined where another took over from it. */
export function newestOfJob(folder: string, first: number): { execution: number; token: string } | undefined {
  const newest = newestLease(folder);
  if (newest === undefined || (newest.lease.firstOfJob ?? newest.number) !== first) return undefined;
  return { execution: newest.number, token: newest.lease.token };
}
