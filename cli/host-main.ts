import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findTemporal } from '#setup/temporal.mjs';
import { endProcess, type ProcessRecord, recordProcess } from '../activities/processes.ts';
import { freeBytes } from '../store/home.ts';
import { machineName } from '../store/machine.ts';
import { loadConfig } from './config.ts';
import {
  diskFull,
  type HostState,
  hostFolder,
  liveHolders,
  logsFolder,
  readHostState,
  stateWriter,
} from './host-state.ts';
import { giveBackLock, hasLock, takeLock } from './lock.ts';
import { appendLine, openLog } from './log-file.ts';
import { type Supervised, supervise } from './supervise.ts';
import { accepts, freePort, type Ports, serverArguments } from './temporal-server.ts';
import type { WorkerAssignment } from './worker-main.ts';

/*
 * The host of a home: the process that runs its Temporal server and its worker, for as long as anybody needs them. It
 * is started detached by the first who does (`cli/host.ts`), and ends by itself.
 */

/** The argument of this program, as JSON. */
export interface HostAssignment {
  home: string;
  cwd: string;
  /** Port of 127.0.0.1 where its worker has metrics for Prometheus; null for none. */
  metricsPort: number | null;
}

const assignment = JSON.parse(process.argv[2] ?? '{}') as HostAssignment;
const { home } = assignment;
const writeState = stateWriter(home);
/** With less free space a disk is as good as full: programs end on it. */
const fullBytes = 1 << 20;
/** Ctrl-C is for the command in front; SIGTERM means to save and end, SIGQUIT to end at once. */
let asked: 'save' | 'kill' | undefined;
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => {
  asked ??= 'save';
});
const killed = new Promise<void>((resolve) => {
  process.on('SIGQUIT', () => {
    asked = 'kill';
    resolve();
  });
});
async function main(): Promise<number> {
  // Another host was faster: whoever started this one joins that.
  if (!(await takeLock(hostFolder(home)))) return 0;
  const own = recordProcess(process.pid) as ProcessRecord;
  const before = await readHostState(home);
  // What the host before left running stays written down until it has ended, should this one be killed meanwhile.
  const state: HostState = {
    address: '',
    uiAddress: '',
    server: null,
    worker: null,
    ...before,
    state: 'starting',
    metricsPort: assignment.metricsPort,
    machine: machineName(),
    host: own,
    startedAt: new Date().toISOString(),
  };
  delete state.reason;
  await writeState(state);
  mkdirSync(logsFolder(home), { recursive: true });
  let worker: Supervised | undefined;
  let server: Supervised | undefined;
  let failure: string | undefined;
  const fail = (reason: string): void => {
    failure ??= reason;
  };
  const crashed = (name: string, how: string): void => {
    // On a full disk it would only end again.
    if (freeBytes(home) < fullBytes) fail(diskFull(home));
    else log(`${name} ended ${how}; starting it again`);
  };
  // Whatever goes wrong beside what is awaited here, such as a log on a full disk: the server and the worker are ended.
  process.on('uncaughtException', (error) => fail(error.message));
  try {
    const { config } = await loadConfig(assignment.cwd, process.env);
    const stopMs = (config.stopSeconds + 45) * 1000;
    if (before?.machine === machineName()) await endPredecessor(before, stopMs);
    const temporal = findTemporal();
    if (temporal === undefined) throw new Error('there is no Temporal server on this machine: run `npm run setup`');
    await requireLoopback();
    const ports = await choosePorts(before);
    const [address, uiAddress] = [`127.0.0.1:${ports.server}`, `http://127.0.0.1:${ports.ui}`];
    await update(state, { address, uiAddress, server: null, worker: null });

    server = supervise({
      name: 'the Temporal server',
      start: () =>
        spawnLogged(temporal.path, serverArguments(join(home, 'temporal.db'), ports), 'temporal.log', 'ignore'),
      onStart: (record) => update(state, { server: record }),
      onCrash: (how) => crashed('the Temporal server', how),
      onGiveUp: fail,
    });
    worker = supervise({
      name: 'the worker',
      start: () => startWorker(state),
      onStart: (record) => update(state, { worker: record }),
      onCrash: (how) => crashed('the worker', how),
      onGiveUp: fail,
    });
    // The two start side by side: the worker waits for the server, and has its modules to load meanwhile.
    await untilListening(ports.server, () => failure !== undefined || asked !== undefined);
    if (failure !== undefined) throw new Error(failure);
    await update(state, { state: 'running' });
    await untilUnneeded(state, () => failure);
    await stop(worker, stopMs);
    await stop(server, 5000);
    if (failure !== undefined) throw new Error(failure);
    await update(state, { state: 'ended', server: null, worker: null });
    await giveBackLock(hostFolder(home));
    return 0;
  } catch (error) {
    // Before the server lets go of the space that it has.
    const full = freeBytes(home) < fullBytes;
    const reason = full ? diskFull(home) : error instanceof Error ? error.message : String(error);
    await worker?.stop(0);
    await server?.stop(0);
    // Nothing of what may fail here may keep the two running, so it comes last.
    if (await hasLock(hostFolder(home))) {
      await update(state, { state: 'failed', reason });
      await giveBackLock(hostFolder(home));
    }
    log(`failed: ${error instanceof Error ? error.stack : reason}`);
    return 1;
  }
}

/** Ends a program with the time that it needs, or at once from when SIGQUIT comes. */
async function stop(program: Supervised, graceMs: number): Promise<void> {
  await Promise.race([program.stop(graceMs), killed.then(() => program.stop(0))]);
}

/**
 * Returns when nobody needs the host any more, when it was asked to end, or when it failed; it is then `stopping`. Throws
 * where another has become the host, as it may while this one stands still.
 */
async function untilUnneeded(state: HostState, failure: () => string | undefined): Promise<void> {
  for (let idle = 0; ; ) {
    await sleep(200);
    if (!(await hasLock(hostFolder(home)))) throw new Error('another machine has taken over the home');
    if (asked !== undefined || failure() !== undefined) {
      await update(state, { state: 'stopping' });
      return;
    }
    idle = (await liveHolders(home)).length === 0 ? idle + 1 : 0;
    if (idle < 2) continue;
    await update(state, { state: 'stopping' });
    // Whoever came before that was written relies on this host; whoever comes after it waits for the next.
    if ((await liveHolders(home)).length === 0) return;
    await update(state, { state: 'running' });
    idle = 0;
  }
}

/** Changes the state and writes it. */
function update(state: HostState, change: Partial<HostState>): Promise<void> {
  return writeState(Object.assign(state, change));
}

/** Ends what a host that was killed left running. Its worker first, whose trainers save what they have. */
async function endPredecessor({ host, worker, server }: HostState, stopMs: number): Promise<void> {
  await endProcess(host, stopMs);
  if (worker !== null) await endProcess(worker, stopMs);
  if (server !== null) await endProcess(server, 5000);
}

/** Those of the host before, where they are free, so that clients and bookmarks find the new one. */
async function choosePorts(before: HostState | undefined): Promise<Ports> {
  const known = [before?.address, before?.uiAddress].map((address) => Number(/:(\d+)$/.exec(address ?? '')?.[1] ?? 0));
  const [server = 0, ui = 0] = await Promise.all(known.map(freePort));
  return { server, ui };
}

/** Throws where programs cannot reach each other on this machine: the server would end with a stack, again and again. */
async function requireLoopback(): Promise<void> {
  const probe = createServer((socket) => socket.destroy());
  try {
    await once(probe.listen(0, '127.0.0.1'), 'listening');
    const { port } = probe.address() as AddressInfo;
    await once(connect(port, '127.0.0.1'), 'connect', { signal: AbortSignal.timeout(5000) });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new Error(
      `programs cannot reach 127.0.0.1 here (${code}): turn on the loopback interface, which a container or sandbox may have off`,
    );
  } finally {
    probe.close();
  }
}

function startWorker({ address, server }: HostState) {
  if (server === null) throw new Error('the Temporal server does not run');
  const job: WorkerAssignment = {
    home,
    cwd: assignment.cwd,
    address,
    server,
    metricsPort: assignment.metricsPort,
  };
  const program = fileURLToPath(new URL('./worker-main.js', import.meta.url));
  return spawnLogged(process.execPath, [program, JSON.stringify(job)], 'worker-output.log', 'pipe');
}

function spawnLogged(program: string, args: string[], logName: string, stdin: 'pipe' | 'ignore') {
  const log = openLog(join(logsFolder(home), logName));
  try {
    return spawn(program, args, { stdio: [stdin, log, log], cwd: assignment.cwd });
  } finally {
    closeSync(log);
  }
}

async function untilListening(port: number, givenUp: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await accepts(port))) {
    if (givenUp()) return;
    if (performance.now() > deadline)
      throw new Error('the Temporal server does not answer, 30 seconds after its start');
    await sleep(20);
  }
}

function log(line: string): void {
  appendLine(join(logsFolder(home), 'host.log'), `${new Date().toISOString()} ${line}`);
}

process.exitCode = await main();
process.exit();
