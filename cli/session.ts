import type { Client } from '@temporalio/client';
import { findGpu } from '#setup/gpu.mjs';
import type { PlanNode } from '../planner/plan.ts';
import type { TemporalConfig } from '../temporal.config.ts';
import type { RunSettings } from '../workflows/messages.ts';
import { deviceQueue } from '../workflows/names.ts';
import { autoDevice, isElsewhere, loadConfig, unknownClass } from './config.ts';
import { type ConnectedClient, configuredServer, connectClient, workersOn } from './connect.ts';
import type { Context } from './context.ts';
import { CommandError } from './failure.ts';
import { type Host, serverFailure, startOrJoinHost } from './host.ts';
import { logsFolder } from './host-state.ts';
import { resultsQueueOf } from './results-queue.ts';
import { addSearchAttributes } from './temporal-server.ts';
import type { Tracing } from './tracing.ts';

/** How long starting and connecting may take before a person is told what is waited for. */
const patienceMs = 5000;

/** A Temporal that lineages run on, for as long as a command needs it. */
export interface Session {
  /** Connected; another one after `reconnect`. */
  readonly client: Client;
  readonly address: string;
  /** Of the Temporal UI; null where it is not known. */
  readonly uiAddress: string | null;
  readonly settings: RunSettings;
  /** What this machine's workers run. */
  readonly devices: TemporalConfig['devices'];
  /** The home's own server and worker; null where another Temporal is configured. */
  readonly host: Host | null;
  /** Connects anew after the server was lost. Throws where it is not there yet. */
  reconnect(): Promise<void>;
  /**
   * Lets go of everything. Where nobody else holds the home's own server, it has ended when this
   * resolves. Again is the same as once.
   */
  close(): Promise<void>;
}

/**
 * The Temporal that is configured, else the home's own, which is started where it does not run. `lineage` is the id of
 * the lineage workflow that this command is about: of others that an interrupted session left open, those that nobody follows are not taken up.
 * `nodes` are those that will run: a device class that nobody serves is an error where that can be known. `tell` gets a
 * sentence on what is waited for, where that takes long.
 */
export async function openSession(
  home: string,
  lineage: string,
  nodes: readonly PlanNode[],
  context: Context,
  tell: (text: string) => void,
  { tracing, metricsPort }: { tracing?: Tracing; metricsPort?: number | undefined } = {},
): Promise<Session> {
  const loaded = await loadConfig(context.cwd, context.env);
  const { config } = loaded;
  const device = autoDevice(config, context.env);
  const configured = configuredServer(loaded, context.env);
  if (configured !== null && metricsPort !== undefined) {
    throw new CommandError(
      `Temporal at ${configured.address} is configured, so no worker is started here that would have metrics`,
      'give --metrics-port to `descent worker`',
    );
  }
  if (configured === null) {
    const asked = [...deviceClasses(nodes, device), ...(context.env.DESCENT_DEVICE ? [device] : [])];
    const unknown = asked.find((name) => config.devices[name] === undefined);
    if (unknown !== undefined) throw unknownClass(unknown, config);
  }
  const awaited =
    configured === null
      ? `the Temporal server and worker of this home, whose logs are in ${logsFolder(home)}`
      : `Temporal at ${configured.address}`;
  const late = setTimeout(() => tell(`waiting for ${awaited}`), patienceMs);
  let host: Host | null = null;
  let connected: ConnectedClient;
  const server = () => configured ?? (host as Host).server;
  try {
    if (configured === null) {
      host = await startOrJoinHost(home, { cwd: context.cwd, env: context.env, lineages: [lineage], metricsPort });
    }
    connected = await connectClient(server(), tracing?.interceptors);
    if (host !== null) await addSearchAttributes(connected.client);
  } catch (error) {
    const failure = host === null ? error : serverFailure(home, error);
    await host?.release();
    throw failure;
  } finally {
    clearTimeout(late);
  }
  const { queue, window, heartbeatSeconds } = config;
  const results = config.storage && { results: await resultsQueueOf(home, config) };
  let closed: Promise<void> | undefined;
  return {
    get client() {
      return connected.client;
    },
    get address() {
      return server().address;
    },
    get uiAddress() {
      return host?.uiAddress ?? null;
    },
    settings: { queue, ...results, window, heartbeatSeconds, device, searchAttributes: server().searchAttributes },
    devices: config.devices,
    host,
    async reconnect() {
      const before = connected;
      connected = await connectClient(server(), tracing?.interceptors);
      await before.close();
    },
    close() {
      closed ??= connected.close().then(() => host?.release());
      return closed;
    },
  };
}

/**
 * What a person should know of the devices that nodes ask for: classes that no worker of a configured Temporal serves,
 * and a GPU that this machine does not have. A sentence each, with the remedy.
 */
export async function deviceNotices(session: Session, nodes: readonly PlanNode[]): Promise<string[]> {
  const { client, settings } = session;
  const classes = deviceClasses(nodes, settings.device);
  if (session.host !== null) return gpuNotices(classes, session.devices);
  const connected = { client, close: () => session.close() };
  const served = await Promise.all(
    classes.map(async (name) => (await workersOn(connected, deviceQueue(settings.queue, name), 'activity')) > 0),
  );
  const missing = classes
    .filter((_, index) => !served[index])
    .map((name) => `no worker serves the device class ${name}: start one with \`descent worker --queue ${name}\``);
  const { results } = settings;
  if (results === undefined || (await workersOn(connected, results, 'activity')) > 0) return missing;
  return [
    ...missing,
    'no worker of this home writes its results: start one with `descent worker`, of any device class',
  ];
}

/** What a person should know where a machine is to serve some device classes: that it has no GPU for them. */
export function gpuNotices(classes: readonly string[], devices: TemporalConfig['devices']): string[] {
  const missing = classes.includes('gpu') && !isElsewhere(devices.gpu) && findGpu() === undefined;
  return missing ? ['no GPU was found on this machine: what asks for one runs on the CPU'] : [];
}

function deviceClasses(nodes: readonly PlanNode[], auto: string): string[] {
  return [...new Set(nodes.map(({ placement }) => (placement.device === 'auto' ? auto : placement.device)))];
}
