import { type ChildProcess, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * One process for good: its id, and when it was started. Ids are used again, so an id alone may be somebody else's
 * process by the time that it is signalled.
 */
export interface ProcessRecord {
  pid: number;
  /** Opaque; two processes of the same id differ in it. */
  started: string;
}

/** The record of a running process, or undefined where no process has that id (or only a dead one that nobody reaped). */
export function recordProcess(pid: number): ProcessRecord | undefined {
  const found = process.platform === 'linux' ? statOnLinux(pid) : listByPs(['-p', String(pid)])[0];
  return found && { pid, started: found.started };
}

/** Whether that very process still runs. */
export function isRunning(record: ProcessRecord): boolean {
  return recordProcess(record.pid)?.started === record.started;
}

/** Sends a signal to that very process, or with `group` to the group it leads, or led. False where it no longer runs. */
export function signalProcess(record: ProcessRecord, signal: NodeJS.Signals, { group = false } = {}): boolean {
  if (!isThere(record, group)) return false;
  try {
    process.kill(group ? -record.pid : record.pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/**
 * Ends that very process: SIGTERM, and SIGKILL where it still runs after `graceMs`. Returns when it is gone. With `group`,
 * the SIGKILL is for all of the group that it leads, also for those that it left behind.
 */
export async function endProcess(record: ProcessRecord, graceMs: number, { group = false } = {}): Promise<void> {
  if (signalProcess(record, 'SIGTERM')) await hasEnded(record, graceMs);
  if (!signalProcess(record, 'SIGKILL', { group })) return;
  if (!(await hasEnded(record, 10_000, { group }))) {
    throw new Error(`process ${record.pid} does not end, not even when killed: it may be stuck on a disk or a device`);
  }
}

/** Kills a child of this process that leads a group of its own (`detached`), and all that is left of that group. */
export function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Waits until that process, or with `group` all of its group, has ended; false where it still runs after `timeoutMs`. */
export async function hasEnded(record: ProcessRecord, timeoutMs: number, { group = false } = {}): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (isThere(record, group)) {
    if (performance.now() > deadline) return false;
    await sleep(20);
  }
  return true;
}

function isThere(record: ProcessRecord, group: boolean): boolean {
  return group ? isGroupLeft(record) : isRunning(record);
}

/** A process that is not only waiting to be reaped. */
interface Found extends ProcessRecord {
  /** Id of its process group, which is that of the process that leads it. */
  group: number;
}

/**
 * Whether processes are left of the group that a process leads, or led. An id is given to nobody while a group goes by it;
 * should all of that group have ended, another's may go by it now. So the group counts as its own only where the id is no
 * other process's, and nothing in it is older than the one that made it.
 */
function isGroupLeft({ pid, started }: ProcessRecord): boolean {
  const leader = recordProcess(pid);
  if (leader !== undefined) return leader.started === started;
  const left = listProcesses().filter(({ group }) => group === pid);
  return left.length > 0 && left.every((one) => isNotBefore(one.started, started));
}

/** Whether a process was not started before another; false where they are not of the same boot. */
function isNotBefore(started: string, other: string): boolean {
  if (process.platform !== 'linux') return Date.parse(started) >= Date.parse(other);
  const [[boot, ticks], [otherBoot, otherTicks]] = [started.split('/'), other.split('/')];
  return boot === otherBoot && Number(ticks) >= Number(otherTicks);
}

function listProcesses(): Found[] {
  if (process.platform !== 'linux') return listByPs(['-A']);
  const ids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return ids.flatMap((pid) => statOnLinux(Number(pid)) ?? []);
}

/** From /proc, without a process of its own: state, group, and start time since boot, and which boot it was. */
function statOnLinux(pid: number): Found | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses and may hold anything, so count from the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, group, startTime] = [fields[0], fields[2], fields[19]];
    return state === 'Z' || state === 'X'
      ? undefined
      : { pid, group: Number(group), started: `${bootId()}/${startTime}` };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}

let boot: string | undefined;

function bootId(): string {
  boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return boot;
}

function listByPs(which: string[]): Found[] {
  const options = ['-o', 'pid=,pgid=,stat=,lstart=', ...which];
  const { stdout } = spawnSync('ps', options, { encoding: 'utf8', timeout: 5000 });
  return (stdout ?? '').split('\n').flatMap((line) => {
    const [, pid, group, state, started] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.+?)\s*$/.exec(line) ?? [];
    if (started === undefined || state?.startsWith('Z')) return [];
    return [{ pid: Number(pid), group: Number(group), started }];
  });
}
