import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
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
  const started = process.platform === 'linux' ? startOnLinux(pid) : startByPs(pid);
  return started === undefined ? undefined : { pid, started };
}

/** Whether that very process still runs. */
export function isRunning(record: ProcessRecord): boolean {
  return recordProcess(record.pid)?.started === record.started;
}

/** Sends a signal to that very process, or with `group` to the group it leads. False where it no longer runs. */
export function signalProcess(record: ProcessRecord, signal: NodeJS.Signals, { group = false } = {}): boolean {
  if (!isRunning(record)) return false;
  try {
    process.kill(group ? -record.pid : record.pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/**
 * Ends that very process: SIGTERM, and SIGKILL where it still runs after `graceMs`. Returns when it is gone. With
 * `group`, the SIGKILL is for all of the group that it leads.
 */
export async function endProcess(record: ProcessRecord, graceMs: number, { group = false } = {}): Promise<void> {
  if (!signalProcess(record, 'SIGTERM')) return;
  if (await hasEnded(record, graceMs)) return;
  signalProcess(record, 'SIGKILL', { group });
  if (!(await hasEnded(record, 10_000))) {
    throw new Error(`process ${record.pid} does not end, not even when killed: it may be stuck on a disk or a device`);
  }
}

/** Waits until that process has ended; false where it still runs after `timeoutMs`. */
export async function hasEnded(record: ProcessRecord, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (isRunning(record)) {
    if (performance.now() > deadline) return false;
    await sleep(20);
  }
  return true;
}

/** From /proc, without a process of its own: state and start time since boot, and which boot it was. */
function startOnLinux(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses and may hold anything, so count from the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, startTime] = [fields[0], fields[19]];
    return state === 'Z' || state === 'X' ? undefined : `${bootId()}/${startTime}`;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}

/** How many processes the kernel has killed since the boot for want of memory; 0 on systems that do not tell. */
export function outOfMemoryKills(): number {
  if (process.platform !== 'linux') return 0;
  return Number(/^oom_kill (\d+)$/m.exec(readFileSync('/proc/vmstat', 'utf8'))?.[1] ?? 0);
}

let boot: string | undefined;

function bootId(): string {
  boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return boot;
}

function startByPs(pid: number): string | undefined {
  const { stdout } = spawnSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8', timeout: 5000 });
  const [, state, started] = /^\s*(\S+)\s+(.+?)\s*$/.exec(stdout ?? '') ?? [];
  return state === undefined || state.startsWith('Z') ? undefined : started;
}
