import type { Client } from '@temporalio/client';
import { findGpu } from '#setup/gpu.mjs';
import type { PlanNode } from '../planner/plan.ts';
import type { RunSettings } from '../workflows/messages.ts';
import { deviceQueue } from '../workflows/names.ts';
import { autoDevice, loadConfig } from './config.ts';
import { type ConnectedClient, configuredServer, connectClient, workersOn } from './connect.ts';
import type { Context } from './context.ts';
import { CommandError } from './failure.ts';
import { type Host, startOrJoinHost } from './host.ts';

/** A Temporal that lineages run on, for as long as a command needs it. */
export interface Session {
  /** Connected; another one after `reconnect`. */
  readonly client: Client;
  readonly address: string;
  /** Of the Temporal UI; null where it is not known. */
  readonly uiAddress: string | null;
  readonly settings: RunSettings;
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
 * the lineage workflow that this command is about: others that an interrupted session left open are not taken up.
 * `nodes` are those that will run: a device class that nobody serves is an error where that can be known.
 */
export async function openSession(
  home: string,
  lineage: string,
  nodes: readonly PlanNode[],
  context: Context,
): Promise<Session> {
  const loaded = await loadConfig(context.cwd, context.env);
  const { config } = loaded;
  const device = autoDevice(config, context.env);
  const configured = configuredServer(loaded, context.env);
  if (configured === null) refuseUnknownClasses(nodes, device, Object.keys(config.devices));
  const host = configured ? null : await startOrJoinHost(home, { cwd: context.cwd, env: context.env, keep: lineage });
  await host?.follow([lineage]);
  const server = () => configured ?? (host as Host).server;
  let connected: ConnectedClient;
  try {
    connected = await connectClient(server());
  } catch (error) {
    await host?.release();
    throw error;
  }
  const { queue, window, heartbeatSeconds } = config;
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
    settings: { queue, window, heartbeatSeconds, device, searchAttributes: server().searchAttributes },
    host,
    async reconnect() {
      const next = await connectClient(server());
      await connected.close();
      connected = next;
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
  if (session.host !== null) {
    const missing = classes.includes('gpu') && findGpu() === undefined;
    return missing ? ['no GPU was found on this machine: what asks for one runs on the CPU'] : [];
  }
  const connected = { client, close: () => session.close() };
  const served = await Promise.all(
    classes.map(async (name) => (await workersOn(connected, deviceQueue(settings.queue, name), 'activity')) > 0),
  );
  return classes
    .filter((_, index) => !served[index])
    .map((name) => `no worker serves the device class ${name}: start one with \`descent worker --queue ${name}\``);
}

function refuseUnknownClasses(nodes: readonly PlanNode[], device: string, known: readonly string[]): void {
  const unknown = deviceClasses(nodes, device).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new CommandError(
    `this machine has no device class \`${unknown}\``,
    `it has ${known.join(', ')}; choose one with --device or in the lineage's placement, or name others in temporal.config`,
  );
}

function deviceClasses(nodes: readonly PlanNode[], auto: string): string[] {
  return [...new Set(nodes.map(({ placement }) => (placement.device === 'auto' ? auto : placement.device)))];
}
