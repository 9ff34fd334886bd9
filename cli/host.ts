import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { lastLines } from '../activities/events.ts';
import { hasEnded, signalProcess } from '../activities/processes.ts';
import { freeBytes, leastFreeBytes } from '../store/home.ts';
import { loadConfig } from './config.ts';
import { localServer, type TemporalServer } from './connect.ts';
import { CommandError } from './failure.ts';
import type { HostAssignment } from './host-main.ts';
import {
  diskFull,
  type Followed,
  type HostState,
  hold,
  hostElsewhere,
  hostFolder,
  isAlive,
  letGo,
  liveHolders,
  logsFolder,
  readHostState,
} from './host-state.ts';
import { requirePort } from './temporal-server.ts';

/** The home's own Temporal server and worker, held by this process. */
export interface Host {
  /** How to reach the server. Changes when the host had to be started again and could not have its ports back. */
  readonly server: TemporalServer;
  readonly uiAddress: string;
  /** How many other processes follow a lineage: whoever leaves while there are some does not cancel it. */
  othersOn(lineage: string): Promise<number>;
  /**
   * Starts the host again where it was killed; true where there is another now, whoever started it: then connect anew.
   * Its server and worker it restarts itself. Throws a CommandError where it failed for good.
   */
  ensure(): Promise<boolean>;
  /**
   * Lets go of the host. It ends when nobody else holds it: trainers save their checkpoints first. Returns when it has
   * ended, or at once where others hold it.
   */
  release(): Promise<void>;
  /** Ends the host at once, whoever holds it: nothing is saved but what checkpoints hold. */
  kill(): Promise<void>;
}

export interface HostRequest {
  cwd: string;
  env: NodeJS.ProcessEnv;
  /**
   * What this process follows, which is written down before there is a host. A worker that starts lets those lineages
   * go on that anybody follows, and cancels what else an interrupted session left open.
   */
  lineages: Followed;
  /** Port of 127.0.0.1 for Prometheus to ask the worker for metrics. Default: none. */
  metricsPort?: number | undefined;
}

/** How long a host may take to start, or to end before another starts. */
const patienceMs = 120_000;

/**
 * Joins the host of a home, or starts it where none runs; of several that do at once, one starts it. Throws a
 * CommandError, with what its log says, where it does not come up.
 */
export async function startOrJoinHost(home: string, request: HostRequest): Promise<Host> {
  const { config } = await loadConfig(request.cwd, request.env);
  await hold(home, request.lineages);
  let state: HostState;
  try {
    state = withMetrics(await bringUp(home, request), request);
  } catch (error) {
    await letGo(home);
    throw error;
  }
  return {
    get server() {
      return localServer(state.address, home, config);
    },
    get uiAddress() {
      return state.uiAddress;
    },
    async othersOn(lineage) {
      const others = (await liveHolders(home)).filter(({ process: { pid } }) => pid !== process.pid);
      return others.filter(({ lineages }) => lineages !== 'all' && lineages.includes(lineage)).length;
    },
    async ensure() {
      const before = state;
      state = await bringUp(home, request);
      return state.address !== before.address || !isDeepStrictEqual(state.host, before.host);
    },
    async release() {
      await letGo(home);
      if ((await liveHolders(home)).length === 0) await hasEnded(state.host, patienceMs);
    },
    async kill() {
      await letGo(home);
      if (signalProcess(state.host, 'SIGQUIT')) await hasEnded(state.host, 30_000);
    },
  };
}

/** Why the host's server did not do what it was asked to: the disk, where that is full, else `error` itself. */
export function serverFailure(home: string, error: unknown): unknown {
  if (freeBytes(home) >= leastFreeBytes) return error;
  const message = `the Temporal server of ${home} does not answer: ${diskFull(home)}`;
  return new CommandError(message, `see the logs in ${logsFolder(home)}`, error);
}

async function bringUp(home: string, request: HostRequest): Promise<HostState> {
  const deadline = performance.now() + patienceMs;
  let started: StartedHost | undefined;
  let killed = 0;
  while (performance.now() < deadline) {
    const state = await readHostState(home);
    const alive = state !== undefined && isAlive(state);
    if (alive && state.state === 'running') return state;
    const exitCode = started?.exitCode();
    if (!alive && (started === undefined || exitCode === 0 || exitCode === null)) {
      // None runs; or the one that this process started found another, which has ended since; or a signal ended it.
      if (exitCode === null) killed += 1;
      if (killed === mostKilled) throw notStarted(home, killedAgain);
      await refuseElsewhere(home);
      if (freeBytes(home) < leastFreeBytes) throw notStarted(home, diskFull(home));
      if (request.metricsPort !== undefined) await requirePort(request.metricsPort);
      started = startHost(home, request);
    } else if (!alive && exitCode !== undefined) {
      throw notStarted(home, await failureOf(home, state));
    }
    await sleep(20);
  }
  throw notStarted(home, `it is not ready after ${patienceMs / 1000} seconds`);
}

/** A host that is killed this often while it starts is so by something that goes on, as a lack of memory does. */
const mostKilled = 10;
const killedAgain = `a signal ended it ${mostKilled} times while it started: look whether memory runs out, or who kills it`;

/** Throws where another machine has the home's server. */
async function refuseElsewhere(home: string): Promise<void> {
  const machine = await hostElsewhere(home);
  if (machine === undefined) return;
  throw new CommandError(
    `the Temporal server of ${home} runs on another machine, ${machine}`,
    `run it there, or wait until it has ended there; or give all machines one Temporal, with TEMPORAL_ADDRESS, and each its \`descent worker\` (docs/execution.md, More machines)`,
  );
}

/** Throws where metrics are wanted of a host that runs already, and has them elsewhere or not at all. */
function withMetrics(state: HostState, { metricsPort }: HostRequest): HostState {
  if (metricsPort === undefined || metricsPort === state.metricsPort) return state;
  const where = !state.metricsPort ? 'without metrics' : `with its metrics on port ${state.metricsPort}`;
  throw new CommandError(
    `the worker of this home runs already, ${where}`,
    'leave out --metrics-port, or end what uses it (`descent up`, `descent run`) first',
  );
}

interface StartedHost {
  /** Undefined while it runs; null where a signal ended it. */
  exitCode(): number | null | undefined;
}

function startHost(home: string, { cwd, env, metricsPort }: HostRequest): StartedHost {
  const assignment: HostAssignment = {
    home,
    cwd,
    metricsPort: metricsPort ?? null,
  };
  mkdirSync(logsFolder(home), { recursive: true });
  const log = openSync(join(logsFolder(home), 'host.log'), 'a');
  const program = fileURLToPath(new URL('./host-main.js', import.meta.url));
  let exitCode: number | null | undefined;
  // Detached: Ctrl-C reaches the command in front, and closing the terminal not the training.
  const child = spawn(process.execPath, [program, JSON.stringify(assignment)], {
    cwd,
    // From Node 22 on, programs that start again and again are compiled once: the worker, and each trainer.
    env: { NODE_COMPILE_CACHE: join(hostFolder(home), 'compiled'), ...env },
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  child.once('exit', (code) => {
    exitCode = code;
  });
  child.once('error', () => {
    exitCode = 1;
  });
  child.unref();
  return { exitCode: () => exitCode };
}

/** Why a host has ended; a full disk may have kept it from saying so. */
async function failureOf(home: string, state: HostState | undefined): Promise<string> {
  if (state?.state === 'failed' && state.reason) return state.reason;
  if (freeBytes(home) < leastFreeBytes) return diskFull(home);
  const said = lastLines(join(logsFolder(home), 'host.log'), 5).join('\n');
  return said || 'it ended and left no word';
}

function notStarted(home: string, reason: string): CommandError {
  return new CommandError(
    `cannot start the Temporal server and worker of ${home}: ${reason}`,
    `see the logs in ${logsFolder(home)}`,
  );
}
