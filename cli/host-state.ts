import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isRunning, type ProcessRecord, recordProcess } from '../activities/processes.ts';
import { freeBytes } from '../store/home.ts';
import { machineName } from '../store/machine.ts';
import { makeFolder, writeWhole } from '../store/write.ts';
import { lockHolder } from './lock.ts';

/*
 * What a home's host and those who use it tell each other, through files: `host.json` is the host's, one file in
 * `host/holders/` is each user's. A host runs for as long as one of its holders does.
 */

/** `host.json`. */
export interface HostState {
  /** `ended`: nobody needed it any more; its ports are kept for the next. */
  state: 'starting' | 'running' | 'stopping' | 'ended' | 'failed';
  /** Why it failed. */
  reason?: string;
  /** Name of the machine that all its processes are on. */
  machine: string;
  host: ProcessRecord;
  /** Of the Temporal server, on this machine only. */
  address: string;
  uiAddress: string;
  /** Port of 127.0.0.1 where the worker has metrics for Prometheus; null for none. */
  metricsPort: number | null;
  server: ProcessRecord | null;
  worker: ProcessRecord | null;
  /** ISO 8601, UTC. */
  startedAt: string;
}

/** Ids of the lineage workflows that a process follows; `all` of who keeps up whatever is open, and follows none. */
export type Followed = string[] | 'all';

/** A process that needs the host, on the same machine. */
export interface Holder {
  machine: string;
  process: ProcessRecord;
  lineages: Followed;
}

/** The newest state that a host wrote, or undefined; its processes may be dead. */
export async function readHostState(home: string): Promise<HostState | undefined> {
  return readJson<HostState>(statePath(home));
}

async function writeHostState(home: string, state: HostState): Promise<void> {
  await writeWhole(statePath(home), `${JSON.stringify(state, null, 2)}\n`);
}

/**
 * Writes states of a home's host, one after the other. One that cannot be written fails alone: the next is tried, as a disk
 * may have space again.
 */
export function stateWriter(home: string): (state: HostState) => Promise<void> {
  let last = Promise.resolve();
  return (state) => {
    const snapshot = { ...state };
    const written = last.then(() => writeHostState(home, snapshot));
    last = written.catch(() => undefined);
    return written;
  };
}

/** Says that this process needs the host; saying it again replaces what was said. */
export async function hold(home: string, lineages: Followed): Promise<void> {
  const record = recordProcess(process.pid);
  if (record === undefined) throw new Error('this process is not in the list of processes');
  const holder: Holder = { machine: machineName(), process: record, lineages };
  await writeWhole(holderPath(home, process.pid), `${JSON.stringify(holder)}\n`);
}

/** Says that this process no longer needs the host. */
export async function letGo(home: string): Promise<void> {
  await rm(holderPath(home, process.pid), { force: true });
}

/**
 * Everybody on this machine who needs the host and is alive. Removes the files of those who are not; those of another
 * machine are left alone.
 */
export async function liveHolders(home: string): Promise<Holder[]> {
  const folder = holdersFolder(home);
  await makeFolder(folder);
  const alive: Holder[] = [];
  for (const name of (await readdir(folder)).filter((file) => /^[^.].*\.json$/.test(file))) {
    const holder = await readJson<Holder>(join(folder, name));
    if (holder?.machine !== machineName()) continue;
    if (isRunning(holder.process)) alive.push(holder);
    else await rm(join(folder, name), { force: true });
  }
  return alive;
}

/** Whether the host that wrote a state still runs, on this machine. */
export function isAlive({ machine, host }: HostState): boolean {
  return machine === machineName() && isRunning(host);
}

/**
 * The other machine that the home's host runs on; undefined where it does on none. Takes seconds where one was lost.
 * What the host serves can be reached from its own machine only, and two servers must not share a `temporal.db`.
 */
export async function hostElsewhere(home: string): Promise<string | undefined> {
  const machine = (await lockHolder(hostFolder(home)))?.machine;
  return machine === machineName() ? undefined : machine;
}

/** The sentence on a disk without space for a home. */
export function diskFull(home: string): string {
  const megabytes = (freeBytes(home) / 1e6).toFixed(0);
  return `the disk of ${home} is full (${megabytes} MB free): free some space and run again`;
}

/** Where the locks and holders of a home's host lie. */
export function hostFolder(home: string): string {
  return join(home, 'host');
}

/** Where the logs of the server, the worker and the host lie. */
export function logsFolder(home: string): string {
  return join(home, 'logs');
}

async function readJson<T>(path: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function statePath(home: string): string {
  return join(home, 'host.json');
}

function holdersFolder(home: string): string {
  return join(hostFolder(home), 'holders');
}

function holderPath(home: string, pid: number): string {
  return join(holdersFolder(home), `${encodeURIComponent(machineName())}-${pid}.json`);
}
