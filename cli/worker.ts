import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@temporalio/client';
import {
  DefaultLogger,
  type MetricsExporterConfig,
  NativeConnection,
  Runtime,
  Worker,
  type WorkerOptions,
} from '@temporalio/worker';
import { type ActivityOptions, createActivities } from '../activities/index.ts';
import type { Launcher } from '../activities/launchers/launcher.ts';
import { launcherOf } from '../activities/launchers/of-class.ts';
import { machineName } from '../store/machine.ts';
import { openStorage, type Storage } from '../store/remote/storage.ts';
import type { TemporalConfig } from '../temporal.config.ts';
import { deviceQueue } from '../workflows/names.ts';
import { dataConverterOf } from './codec.ts';
import { unknownClass } from './config.ts';
import { type TemporalServer, unreachable } from './connect.ts';
import { logsFolder } from './host-state.ts';
import { appendLine } from './log-file.ts';
import { resultsQueueOf } from './results-queue.ts';
import { collectorOf, openTracing } from './telemetry.ts';
import { resetUnreplayable } from './unreplayable.ts';
import { workflowCode } from './workflow-code.ts';
import { serveAsWriter } from './writer.ts';

export interface WorkerRun {
  home: string;
  config: TemporalConfig;
  server: TemporalServer;
  /** Device classes to serve; each must be in `config.devices`. */
  classes: string[];
  /** Whether to serve lineages and results as well, which any worker can. */
  lineages: boolean;
  /** Where a collector of traces and metrics is named, beside the configuration. */
  env: NodeJS.ProcessEnv;
  /** Port of 127.0.0.1 for Prometheus to ask for metrics, which then go to no collector. Default: none. */
  metricsPort?: number | undefined;
  /** Gets a sentence on what a person should know. Default: it goes to the log. */
  tell?(text: string): void;
  /** Ends the run: no new work is taken, trainers save their checkpoints and exit. */
  signal: AbortSignal;
  /** How trainers are started. Default: as processes. */
  start?: ActivityOptions['start'];
  /** Run before anything is served. */
  beforeLineages?(client: Client): Promise<void>;
  /** Run once lineages are served, and before any device is. */
  beforeDevices?(client: Client): Promise<void>;
  /** Told when everything is served. */
  onReady?(): void;
}

/**
 * Serves a home's task queues until the signal is aborted: lineages and light activities, the one writer to DuckDB, and
 * device classes, each with its own slots. Returns when all that was under way has been handed back. Throws where the
 * server cannot be reached, or is lost for good.
 */
export async function runWorker(run: WorkerRun): Promise<void> {
  const { config, server, classes, signal } = run;
  const unknown = classes.find((name) => config.devices[name] === undefined);
  if (unknown !== undefined) throw unknownClass(unknown, config);
  keepLogs(join(logsFolder(run.home), 'worker.log'), metricsOf(run));
  const storage = config.storage && (await openStorage(config.storage));
  const connection = await connectNative(server, signal);
  if (connection === undefined) return;
  const tell = run.tell ?? ((text: string) => Runtime.instance().logger.warn(text));
  const tracing = await openTracing(config, run.env, tell);
  try {
    const { namespace } = server;
    const dataConverter = await dataConverterOf(server);
    const client = new Client({ connection, namespace, dataConverter, interceptors: tracing.interceptors });
    await serve(run, { client, storage, tell }, { ...tracing.worker, connection, namespace, dataConverter });
  } finally {
    storage?.bucket.close();
    await tracing.close();
    await connection.close();
  }
}

async function serve(
  run: WorkerRun,
  { client, storage, tell }: { client: Client; storage: Storage | undefined; tell: (text: string) => void },
  options: Omit<WorkerOptions, 'taskQueue'>,
): Promise<void> {
  const {
    home,
    config,
    server,
    classes,
    lineages,
    signal,
    start: startTrainer,
    beforeLineages,
    beforeDevices,
    onReady,
  } = run;
  const activities = createActivities({
    home,
    storage,
    client: () => client,
    trainer: config.trainer ?? programOf('trainer'),
    engines: programOf('engines'),
    ...(config.engines && { commands: config.engines }),
    devices: config.devices,
    launchers: launchersOf(home, config),
    stopSeconds: config.stopSeconds,
    ...(startTrainer && { start: startTrainer }),
  });
  const results = await resultsQueueOf(home, config);
  const common = {
    ...options,
    identity: workerIdentity(),
    // Trainers need their time to save; after it they were killed, and nothing is left to wait for.
    shutdownForceTime: (config.stopSeconds + 30) * 1000,
  };
  const create = (options: WorkerOptions): Promise<Worker> => Worker.create({ ...common, ...options });
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  signal.addEventListener('abort', stop);
  let failed: unknown;
  const fail = (error: unknown): void => {
    failed ??= error;
    stop();
  };
  const running: Promise<void>[] = [];
  const start = async (options: WorkerOptions): Promise<void> => {
    if (stopping.signal.aborted) return;
    running.push(runUntil(await create(options), stopping.signal).catch(fail));
  };
  try {
    if (signal.aborted) stop();
    await beforeLineages?.(client);
    if (lineages) {
      running.push(
        serveAsWriter({
          home,
          staleSeconds: config.heartbeatSeconds,
          signal: stopping.signal,
          tell,
          serve: async (claim, signal) => {
            const writer = {
              taskQueue: results,
              activities: activities.results(claim),
              maxConcurrentActivityTaskExecutions: 1,
              // A lineage that is cancelled waits for no write that waits.
              maxHeartbeatThrottleInterval: '1 second' as const,
            };
            // Beside it, as that too is for one worker of the home.
            const resetting = resetUnreplayable({ client, taskQueue: config.queue, tell, signal });
            await Promise.all([runUntil(await create(writer), signal), resetting]);
          },
        }).catch(fail),
      );
      await start({
        taskQueue: config.queue,
        activities: activities.light,
        ...workflowCode(server.codec === null && options.interceptors === undefined),
        // Whoever takes over from a worker that was killed need not wait long for what it had in memory.
        stickyQueueScheduleToStartTimeout: '2 seconds',
      });
    }
    await beforeDevices?.(client);
    for (const name of classes) {
      await start({
        taskQueue: deviceQueue(config.queue, name),
        activities: activities.device,
        maxConcurrentActivityTaskExecutions: config.devices[name]?.slots ?? 1,
        // So that progress that people look at is not older than this, and a cancellation arrives as fast.
        maxHeartbeatThrottleInterval: '1 second',
      });
    }
    if (!stopping.signal.aborted) onReady?.();
  } catch (error) {
    fail(error);
  }
  await Promise.all(running);
  signal.removeEventListener('abort', stop);
  if (failed !== undefined) throw failed;
}

/** Runs a worker of one queue until the signal is aborted and all that it was at is handed back. */
async function runUntil(worker: Worker, signal: AbortSignal): Promise<void> {
  const stop = (): void => {
    if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  signal.addEventListener('abort', stop);
  try {
    const ended = worker.run();
    if (signal.aborted) stop();
    await ended;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** What a process is called on the server. */
function workerIdentity(): string {
  return `descent-${process.pid}@${machineName()}`;
}

/** The process that goes by a name on the server; process 0 of no host where it is none of Descent's. */
export function parseIdentity(identity: string): { pid: number; host: string } {
  const [, pid = '0', host = ''] = /^descent-(\d+)@(.*)$/.exec(identity) ?? [];
  return { pid: Number(pid), host };
}

/** The server may be starting: tries for half a minute. Undefined where the signal was aborted meanwhile. */
async function connectNative(server: TemporalServer, signal: AbortSignal): Promise<NativeConnection | undefined> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    try {
      return await NativeConnection.connect(server.connection);
    } catch (error) {
      if (signal.aborted) return undefined;
      if (performance.now() > deadline) throw await unreachable(server, error);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

let logsKept = false;

/** Where the metrics of Temporal's runtime go; undefined where nobody wants them. */
function metricsOf({ config, env, metricsPort }: WorkerRun): MetricsExporterConfig | undefined {
  if (metricsPort !== undefined) return { prometheus: { bindAddress: `127.0.0.1:${metricsPort}` } };
  const { metrics: url } = collectorOf(config, env);
  return url === null ? undefined : { otel: { url, http: true, metricsExportInterval: '1 second' } };
}

/** Sends what Temporal's SDK says to a file, and its metrics to where they are wanted. Once a process: it has one runtime. */
function keepLogs(path: string, metrics: MetricsExporterConfig | undefined): void {
  if (logsKept) return;
  logsKept = true;
  mkdirSync(dirname(path), { recursive: true });
  Runtime.install({
    logger: new DefaultLogger('INFO', ({ level, timestampNanos, message, meta }) => {
      const time = new Date(Number(timestampNanos / 1_000_000n)).toISOString();
      appendLine(path, `${time} ${level} ${message}${meta === undefined ? '' : ` ${describe(meta)}`}`);
    }),
    telemetryOptions: {
      logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} },
      ...(metrics && { metrics }),
    },
    // The process that runs the worker decides what a signal means.
    shutdownSignals: [],
  });
}

function describe(meta: Record<string, unknown>): string {
  return JSON.stringify(meta, (_, value) => {
    if (typeof value === 'bigint') return String(value);
    return value instanceof Error ? errorText(value) : value;
  });
}

/** With its stack and its causes: a log is where they belong. */
function errorText(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${errorText(error.cause)}` : '';
  return `${error.stack ?? `${error.name}: ${error.message}`}${cause}`;
}

/** The clusters that run the trainers of device classes. */
function launchersOf(home: string, { devices }: TemporalConfig): Record<string, Launcher> {
  return Object.fromEntries(
    Object.entries(devices).flatMap(([name, device]) => {
      const launcher = launcherOf(name, device, join(logsFolder(home), 'jobs'));
      return launcher === undefined ? [] : [[name, launcher]];
    }),
  );
}

/** The command of a program in a room of its own, without the job's path. */
function programOf(room: 'trainer' | 'engines'): string[] {
  return [process.execPath, fileURLToPath(new URL(`../${room}/main.js`, import.meta.url))];
}
