import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { attemptFolder, attemptNumbers } from './home.ts';
import { type Artifact, inspectAttempt } from './inspect.ts';
import { fenced, holdsLease, leasePath, newestLease, type TakenLease, takeLease } from './lease.ts';
import { keepPreimage } from './preimage.ts';

/** One attempt at a node, and the right to write in its folder for as long as nobody else takes it. */
export interface Attempt {
  key: string;
  /** Counts from 1. */
  number: number;
  /** Absolute path: everything the attempt leaves is in it. */
  folder: string;
  /** This execution's token, also in the file at `leasePath`. */
  token: string;
  leasePath: string;
  /** How many executions this attempt has had, this one included. */
  executions: number;
  /** When its first execution began: ISO 8601, UTC. */
  startedAt: string;
  /** Of a cluster's job that was started again: the first of its executions. */
  firstOfJob?: number;
}

/** What there is to do: go on with an attempt, or nothing, because the node is done. */
export type Begun = { state: 'begun'; attempt: Attempt } | { state: 'published'; artifact: Artifact };

/**
 * Goes on with the newest unfinished attempt of a node, or begins one, and takes its lease: whoever held it is fenced
 * from then on. Where the node is done already, it gives the artifact. A damaged attempt is left as it is, and the next
 * one begun.
 *
 * `from` is the lowest attempt that will do (default 1). To train again what is done, pass the number after the newest
 * attempt's, and the same number when that is retried. Throws a StoreError when the pre-image does not hash to the key.
 */
export async function beginAttempt(
  home: string,
  node: { key: string; preimage: object },
  { from = 1 }: { from?: number } = {},
): Promise<Begun> {
  await keepPreimage(home, node);
  for (;;) {
    // Read once: an attempt that another process begins after this look is one to join, not one to number past.
    const numbers = attemptNumbers(home, node.key);
    const candidates = numbers.filter((number) => number >= from);
    const inspected = candidates.map((number) => ({ number, ...inspectAttempt(home, node.key, number) }));
    const whole = inspected.find(({ state }) => state === 'whole');
    if (whole?.state === 'whole') return { state: 'published', artifact: whole.artifact };

    const newest = inspected[0];
    const number = newest?.state === 'unfinished' ? newest.number : Math.max((numbers[0] ?? 0) + 1, from);
    const folder = attemptFolder(home, node.key, number);
    const taken = await takeLease(folder);
    // Published by another process since we looked: look again.
    if (taken === undefined) continue;
    return { state: 'begun', attempt: attemptOf(node.key, number, folder, taken) };
  }
}

/**
 * The newest attempt of a node as its newest execution has it, whose lease stays that execution's: for whoever joins a
 * trainer that still runs. Undefined where there is none that is unfinished.
 */
export function attemptUnderWay(home: string, key: string, { from = 1 }: { from?: number } = {}): Attempt | undefined {
  const number = newestAttempt(home, key);
  if (number < from || inspectAttempt(home, key, number).state !== 'unfinished') return undefined;
  const folder = attemptFolder(home, key, number);
  const newest = newestLease(folder);
  return newest && attemptOf(key, number, folder, newest);
}

function attemptOf(
  key: string,
  number: number,
  folder: string,
  { lease, number: executions, firstStart }: TakenLease,
): Attempt {
  const { token, firstOfJob } = lease;
  const attempt = { key, number, folder, token, leasePath: leasePath(folder), executions, startedAt: firstStart };
  return { ...attempt, ...(firstOfJob !== undefined && { firstOfJob }) };
}

/**
 * Removes all that an unfinished attempt has made so far: the next execution begins at its start. What a cluster's jobs have
 * there stays: those of other nodes in the same array write their logs to it. Throws a FencedError, and removes nothing, when
 * another execution has taken the lease.
 */
export function emptyAttempt({ folder, leasePath, token }: Attempt): void {
  if (!holdsLease(leasePath, token)) throw fenced(folder);
  for (const name of readdirSync(folder)) {
    if (!['claims', 'jobs', 'lease.json'].includes(name)) rmSync(join(folder, name), { recursive: true, force: true });
  }
}

/** The number of a key's newest attempt, finished or not; 0 where there is none. */
export function newestAttempt(home: string, key: string): number {
  return attemptNumbers(home, key)[0] ?? 0;
}
