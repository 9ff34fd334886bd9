import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { TrainerEvent } from '../schemas/types/event.ts';
import type { Job } from '../schemas/types/job.ts';
import { errorsPath, followEvents, lastLines, outputPath, type Said } from './events.ts';
import { killGroup, type ProcessRecord, recordProcess } from './processes.ts';

/** A trainer that was started. */
export interface Trainer {
  /** Null where it ended before anybody could look, and of a cluster's job. */
  process: ProcessRecord | null;
  /** Asks it to save and exit; kills it when it has not after `stopSeconds`. Safe to call twice. */
  stop(): void;
  /** Follows it no further and lets it run, so that another joins it; `ended` rejects. None for what ends with this process. */
  leave?(): void;
  /** How it ended. Rejects with a BadEventError, after the trainer was ended, when it broke the contract. */
  ended: Promise<TrainerEnd>;
}

export interface TrainerEnd extends TrainerExit {
  said: Said;
  /** The last lines on its standard error. */
  lastLines: string[];
  /** Of a cluster's job: whether the kernel of its machine killed for want of memory meanwhile. */
  memoryRanOut?: boolean;
  /** Of a cluster's job that did not end by itself: what its cluster did with it. */
  byCluster?: ClusterEnd | undefined;
}

/** How a trainer's process ended. */
export interface TrainerExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** Why a cluster ended a job. */
export interface ClusterEnd {
  /** Kind of the failure that it is. */
  kind: 'preempted' | 'time-limit' | 'job-cancelled' | 'out-of-memory' | 'device-lost';
  /** Completes `base@seed=1: ...`. */
  message: string;
}

/** What starting a trainer's process needs. */
export interface TrainerCommand {
  /** Program and arguments; the job's path is appended. */
  command: string[];
  jobPath: string;
  /** The attempt's folder. */
  folder: string;
  /** Counts the trainer processes of the attempt, from 1. */
  execution: number;
  stopSeconds: number;
  /** What it finds in its environment beside this process's. */
  env?: Record<string, string>;
}

export interface TrainerStart extends TrainerCommand {
  onEvent(event: TrainerEvent): void;
}

/**
 * Starts a trainer as the contract has it, as a process on this machine, and follows what it says.
 */
export async function startTrainer({ onEvent, ...start }: TrainerStart): Promise<Trainer> {
  const { folder, execution } = start;
  const { process, stop, exit, killLeft } = spawnTrainer(start);
  const follow = async (): Promise<TrainerEnd> => {
    try {
      const said = await followEvents(folder, execution, exit, onEvent);
      return { said, ...(await exit), lastLines: lastLines(errorsPath(folder, execution), 20) };
    } catch (error) {
      stop();
      await exit;
      throw error;
    } finally {
      killLeft();
    }
  };
  const ended = follow();
  // Whoever started it awaits this a little later; until then a rejection is not unhandled.
  ended.catch(() => undefined);
  return { process, stop, ended };
}

/** A trainer's process. */
export interface TrainerProcess extends Pick<Trainer, 'process' | 'stop'> {
  /** Rejects where it cannot be started. */
  exit: Promise<TrainerExit>;
  /** To be called once it has ended: kills what it started itself and left behind. */
  killLeft(): void;
}

/**
 * Starts a trainer's process in a process group of its own, standard input open for as long as this process lives (its end
 * tells the trainer that its parent died), standard output and error in the attempt's folder.
 */
export function spawnTrainer({
  command,
  jobPath,
  folder,
  execution,
  stopSeconds,
  env,
}: TrainerCommand): TrainerProcess {
  const [program = '', ...args] = command;
  const output = openSync(outputPath(folder, execution), 'a');
  const errors = openSync(errorsPath(folder, execution), 'a');
  let child: ChildProcess;
  try {
    child = spawn(program, [...args, jobPath], {
      detached: true,
      stdio: ['pipe', output, errors],
      env: { ...trainerEnvironment(process.env), ...env },
    });
  } finally {
    closeSync(output);
    closeSync(errors);
  }
  // Written to never; only that it closes matters, and a trainer that ended first must not raise EPIPE here.
  child.stdin?.on('error', () => undefined);
  let kill: NodeJS.Timeout | undefined;
  return {
    process: child.pid === undefined ? null : (recordProcess(child.pid) ?? null),
    stop() {
      if (kill !== undefined) return;
      child.kill('SIGTERM');
      kill = setTimeout(() => killGroup(child), stopSeconds * 1000);
    },
    exit: exitOf(child),
    killLeft() {
      clearTimeout(kill);
      killGroup(child);
    },
  };
}

function exitOf(child: ChildProcess): Promise<TrainerExit> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}

/** Of Temporal, of collectors, of object storage, of the Hugging Face Hub (the older name too), and of OpenAI-compatible endpoints. */
const keptFromTrainers =
  /^(TEMPORAL_|OTEL_EXPORTER_|AWS_|(HF_TOKEN|HUGGING_FACE_HUB_TOKEN|OPENAI_API_KEY|OPENAI_BASE_URL)$)/;

/** A trainer asks none of them for anything, and has no use for their keys. */
export function trainerEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !keptFromTrainers.test(name)));
}

/** Where the endpoint of a job is and what opens it; nothing for a job that asks none. */
export function endpointEnvironment(job: Job, env: NodeJS.ProcessEnv): Record<string, string> {
  if (job.type !== 'generate' || job.recipe.endpoint === undefined) return {};
  const names = ['OPENAI_BASE_URL', 'OPENAI_API_KEY'];
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}
