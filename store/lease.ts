import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from '../schemas/types/manifest.ts';
import { FencedError } from './errors.ts';
import { machineName } from './machine.ts';
import { linkInPlace, writeNewNote } from './notes.ts';
import { writeNew } from './write.ts';

/*
 * Who may write in an attempt's folder. Each execution claims the next number: `claims/1.json`, `claims/2.json`, ...
 * A claim is made by link(2), which fails where the number is taken, so no two executions have the same. The newest
 * claim holds the lease; whoever held it before is fenced. The last claim of all is the manifest itself: publishing
 * needs the number after one's own, so it fails when somebody else has taken over, and nobody can take over once it is
 * done. There is no moment between looking and writing in which a process that woke up late could slip through.
 *
 * `lease.json` is the newest claim once more, at a fixed place, for trainers to look at. Leases are notes: a power cut
 * that takes one has ended whoever held it. The manifest is durable.
 */

/** What one execution of an attempt writes down when it begins. */
export interface Lease {
  /** Secret of this execution: whoever finds another in `lease.json` stops. */
  token: string;
  /** Process that took it, and on which machine. */
  pid: number;
  host: string;
  /** ISO 8601, UTC. */
  startedAt: string;
  /** Of a cluster's job that was started again by its cluster: the first execution of that job. */
  firstOfJob?: number;
}

/** One numbered file in `claims/`: an execution's lease, the manifest that ended the attempt, or unreadable. */
export type Claim = { number: number; text: string } & (
  | { kind: 'lease'; lease: Lease }
  | { kind: 'manifest' }
  | { kind: 'unreadable' }
);

/** Where an attempt's lease lies. */
export function leasePath(attemptFolder: string): string {
  return join(attemptFolder, 'lease.json');
}

/** Whether the token is still the one that may write. False as well when the attempt has been removed. */
export function holdsLease(path: string, token: string): boolean {
  try {
    return (JSON.parse(readFileSync(path, 'utf8')) as Lease).token === token;
  } catch (error) {
    // A lease that cannot be read is held by nobody.
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** A lease that was taken. */
export interface TakenLease {
  lease: Lease;
  /** The claim's number, which is how many executions the attempt has had. */
  number: number;
  /** When the first of them began: ISO 8601, UTC. */
  firstStart: string;
}

/**
 * Takes the lease of an attempt from whoever holds it. Gives undefined when the attempt is published and there is nothing
 * left to do.
 */
export async function takeLease(attemptFolder: string): Promise<TakenLease | undefined> {
  const lease = { token: randomUUID(), pid: process.pid, host: machineName(), startedAt: new Date().toISOString() };
  for (;;) {
    const claims = readClaims(attemptFolder);
    const newest = claims.at(-1);
    if (newest?.kind === 'manifest') {
      // Its publisher may have died between the claim and the manifest's own place: finish what it began.
      await placeManifest(attemptFolder, newest.text);
      return undefined;
    }
    const number = (newest?.number ?? 0) + 1;
    if (writeNewNote(claimPath(attemptFolder, number), lease)) {
      showNewestLease(attemptFolder, number);
      return { number, lease, firstStart: firstStartOf(claims) ?? lease.startedAt };
    }
  }
}

/**
 * Takes the lease for a job that its cluster starts again: from the execution of that job before, and from nobody else. Gives
 * undefined where another execution came after that one, or the attempt is published.
 */
export function renewLease(attemptFolder: string, before: number, firstOfJob: number): TakenLease | undefined {
  const startedAt = new Date().toISOString();
  const lease = { token: randomUUID(), pid: process.pid, host: machineName(), startedAt, firstOfJob };
  const number = before + 1;
  if (!writeNewNote(claimPath(attemptFolder, number), lease)) return undefined;
  showNewestLease(attemptFolder, number);
  return { number, lease, firstStart: firstStart(attemptFolder) ?? startedAt };
}

/** The newest execution of an attempt, whose lease it is; undefined where there is none, or it is published. */
export function newestLease(attemptFolder: string): TakenLease | undefined {
  const claims = readClaims(attemptFolder);
  const newest = claims.at(-1);
  if (newest?.kind !== 'lease') return undefined;
  const { number, lease } = newest;
  return { number, lease, firstStart: firstStartOf(claims) ?? lease.startedAt };
}

/**
 * Ends an attempt with its manifest, in the name of the execution with the given claim. Gives the manifest that stands:
 * this one, or the one that this execution has published before. Throws a FencedError when another has taken over.
 */
export async function claimManifest(attemptFolder: string, number: number, manifest: Manifest): Promise<Manifest> {
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  await writeNew(claimPath(attemptFolder, number + 1), text);
  return (await publishedBy(attemptFolder, number)) ?? manifest;
}

/**
 * The manifest that the execution with the given claim has published, or undefined while the lease is still its own.
 * Throws a FencedError when another execution came after it.
 */
export async function publishedBy(attemptFolder: string, number: number): Promise<Manifest | undefined> {
  const next = readClaims(attemptFolder).find((claim) => claim.number === number + 1);
  if (next === undefined) return undefined;
  if (next.kind !== 'manifest') throw fenced(attemptFolder);
  await placeManifest(attemptFolder, next.text);
  return JSON.parse(next.text) as Manifest;
}

/** Makes a folder that has all files of an artifact a published attempt: its one claim is the manifest, as another home has it. */
export async function placePublished(attemptFolder: string, text: string): Promise<void> {
  await writeNew(claimPath(attemptFolder, 1), text);
  await placeManifest(attemptFolder, text);
}

/** When an attempt's first execution began (ISO 8601, UTC); undefined where none did. */
export function firstStart(attemptFolder: string): string | undefined {
  return firstStartOf(readClaims(attemptFolder));
}

function firstStartOf(claims: readonly Claim[]): string | undefined {
  return claims.find((claim) => claim.kind === 'lease')?.lease.startedAt;
}

/** The error for an execution that finds itself replaced. */
export function fenced(attemptFolder: string): FencedError {
  return new FencedError(`another process has taken over ${attemptFolder}; this one stops and writes nothing more`);
}

/** Where the manifest lies that makes an attempt count. */
export function manifestPath(attemptFolder: string): string {
  return join(attemptFolder, 'manifest.json');
}

/** An attempt's claims, oldest first; empty before the first. */
export function readClaims(attemptFolder: string): Claim[] {
  let names: string[];
  if (!existsSync(claimsFolder(attemptFolder))) return [];
  try {
    names = readdirSync(claimsFolder(attemptFolder));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return names
    .map((name) => Number(/^([1-9]\d{0,8})\.json$/.exec(name)?.[1] ?? 0))
    .filter((number) => number > 0)
    .sort((a, b) => a - b)
    .map((number) => parseClaim(number, readFileSync(claimPath(attemptFolder, number), 'utf8')));
}

function parseClaim(number: number, text: string): Claim {
  try {
    const value = JSON.parse(text) as { manifest?: unknown; token?: unknown };
    if (value.manifest !== undefined) return { number, text, kind: 'manifest' };
    if (typeof value.token === 'string') return { number, text, kind: 'lease', lease: value as Lease };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return { number, text, kind: 'unreadable' };
}

async function placeManifest(attemptFolder: string, text: string): Promise<void> {
  // A second copy, not a link to the claim: the two are compared, and a flipped bit in either shows.
  await writeNew(manifestPath(attemptFolder), text);
}

/**
 * Shows the newest lease, the claim with this number, as `lease.json`, and then any that is newer, until what was shown
 * is the newest after the write as well: then whoever wrote last, of several at once, wrote the newest.
 */
function showNewestLease(attemptFolder: string, number: number): void {
  for (let shown = number; ; ) {
    linkInPlace(claimPath(attemptFolder, shown), leasePath(attemptFolder));
    const newest = readClaims(attemptFolder).findLast((claim) => claim.kind === 'lease');
    if (newest === undefined || newest.number === shown) return;
    shown = newest.number;
  }
}

function claimsFolder(attemptFolder: string): string {
  return join(attemptFolder, 'claims');
}

function claimPath(attemptFolder: string, number: number): string {
  return join(claimsFolder(attemptFolder), `${number}.json`);
}
