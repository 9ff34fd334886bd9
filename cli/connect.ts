import { connect } from 'node:net';
import {
  Client,
  type ClientInterceptors,
  Connection,
  type ConnectionOptions,
  defaultGrpcRetryOptions,
  isGrpcDeadlineError,
  isGrpcServiceError,
  makeGrpcRetryInterceptor,
} from '@temporalio/client';
import { type ClientConfigProfile, loadClientConfigProfile, toClientOptions } from '@temporalio/envconfig';
import type { NativeConnectionOptions } from '@temporalio/worker';
import type { TlsFiles } from '../temporal.config.ts';
import { dataConverterOf } from './codec.ts';
import type { LoadedConfig } from './config.ts';
import { CommandError } from './failure.ts';
import { logsFolder } from './host-state.ts';

/** How long a call may take, with all its tries. */
const patienceSeconds = 10;
/** How long one may that waits for a workflow's end; the server answers it after twenty seconds in any case. */
const waitSeconds = 60;

/** A Temporal server and how to reach it. */
export interface TemporalServer {
  address: string;
  namespace: string;
  /** Where the address comes from, for messages: `TEMPORAL_ADDRESS`, a file, `the server that Descent started`. */
  source: string;
  /** Where the logs of a server that Descent started lie; null for another. */
  logs: string | null;
  /** Whether the namespace has Descent's search attributes. */
  searchAttributes: boolean;
  /** Module of the codec for payloads; null for none. */
  codec: string | null;
  /** Address, TLS, API key and headers. Holds secrets: not for logs. */
  connection: NativeConnectionOptions;
}

/**
 * The server that the environment or the configuration names, or null where neither does: then Descent starts one.
 *
 * The standard `TEMPORAL_*` variables go before the configuration file. A profile of the Temporal command line
 * (`temporal.toml`) counts only where `TEMPORAL_CONFIG_FILE` or `TEMPORAL_PROFILE` says so: that somebody uses Temporal
 * for other work is no reason to send lineages there.
 */
export function configuredServer({ config, file }: LoadedConfig, env: NodeJS.ProcessEnv): TemporalServer | null {
  const fromEnvironment = readEnvironment(env);
  const address = fromEnvironment.address ?? config.address;
  if (address === undefined) return null;
  const tls = fromEnvironment.tls ?? tlsOf(config.tls);
  const apiKey = fromEnvironment.apiKey ?? config.apiKey;
  const profile: ClientConfigProfile = {
    ...fromEnvironment,
    address,
    namespace: fromEnvironment.namespace ?? config.namespace ?? 'default',
    ...(tls === undefined ? {} : { tls }),
    ...(apiKey === undefined ? {} : { apiKey }),
  };
  const { connectionOptions, namespace } = toClientOptions(profile);
  return {
    address,
    namespace: namespace ?? 'default',
    source: fromEnvironment.address === undefined ? String(file) : sourceInEnvironment(env),
    logs: null,
    searchAttributes: config.searchAttributes ?? false,
    codec: config.codec ?? null,
    connection: config.tls === true && tls === undefined ? { ...connectionOptions, tls: true } : connectionOptions,
  };
}

/** How the server that Descent started for a home is reached. */
export function localServer(
  address: string,
  home: string,
  { codec = null }: { codec?: string | null },
): TemporalServer {
  return {
    address,
    namespace: 'default',
    source: 'the server that Descent started',
    logs: logsFolder(home),
    searchAttributes: true,
    codec,
    connection: { address },
  };
}

/** A client that is connected, and how to let go of it. */
export interface ConnectedClient {
  client: Client;
  close(): Promise<void>;
}

/**
 * Connects a client, whose calls all have a deadline: a server that stands still must not hold a command for ever. Throws
 * a CommandError within about ten seconds where the server cannot be reached, refuses, or has no such namespace: it says
 * which address, where that comes from, and what to do.
 */
export async function connectClient(
  server: TemporalServer,
  interceptors: ClientInterceptors = {},
): Promise<ConnectedClient> {
  const { address, namespace } = server;
  const dataConverter = await dataConverterOf(server);
  const closing = new AbortController();
  let connection: Connection;
  try {
    const { address: _, ...options } = server.connection;
    const calls = [withinDeadline, endOnceClosed(closing.signal)];
    const how: ConnectionOptions = { address, connectTimeout: '5 seconds', interceptors: calls };
    connection = await Connection.connect({ ...(options as object), ...how });
  } catch (error) {
    throw await unreachable(server, error);
  }
  try {
    await connection.workflowService.describeNamespace({ namespace });
  } catch (error) {
    await connection.close();
    throw new CommandError(
      `cannot use the namespace \`${namespace}\` of Temporal at ${address}`,
      remedy(error, server),
      error,
    );
  }
  return {
    client: new Client({ connection, namespace, interceptors, dataConverter }),
    async close() {
      closing.abort();
      await connection.close();
    },
  };
}

type Interceptor = NonNullable<ConnectionOptions['interceptors']>[number];

/**
 * Ends what is tried again on a connection that was closed meanwhile, as if it was cancelled. The channel would throw
 * instead, out of the timer between two tries, where nobody can catch it.
 */
function endOnceClosed(closed: AbortSignal): Interceptor {
  const ignore = (): void => undefined;
  const ended: Partial<ReturnType<Interceptor>> = {
    start(metadata, listener) {
      // Of gRPC's codes: CANCELLED, which is not tried again.
      listener?.onReceiveStatus?.({ code: 1, details: 'the connection was closed', metadata });
    },
    sendMessage: ignore,
    halfClose: ignore,
  };
  return ((options, nextCall) => (closed.aborted ? ended : nextCall(options))) as Interceptor;
}

const retrying = makeGrpcRetryInterceptor(defaultGrpcRetryOptions());

/** Tries calls again as Temporal's client does by itself, within the caller's own deadline or else ours. */
const withinDeadline: typeof retrying = (options, next) => {
  const seconds = /\/GetWorkflowExecutionHistory$/.test(options.method_definition.path) ? waitSeconds : patienceSeconds;
  return retrying({ ...options, deadline: options.deadline ?? Date.now() + seconds * 1000 }, next);
};

/** What to tell of an error that came of asking a server: of a call that nobody answered, who is silent. */
export async function unanswered(
  { address, logs }: TemporalServer,
  { client }: ConnectedClient,
  error: unknown,
): Promise<unknown> {
  if (!isGrpcDeadlineError(error) && !isWithoutWorker(error)) return error;
  const { connection, options } = client;
  // Queries are answered by workers: where the server itself answers, it is those that do not.
  const serverAnswers = await connection
    .withDeadline(Date.now() + 2000, () =>
      connection.workflowService.describeNamespace({ namespace: options.namespace }),
    )
    .then(
      () => true,
      () => false,
    );
  return new CommandError(
    serverAnswers
      ? `no worker of Temporal at ${address} answers`
      : `Temporal at ${address} has not answered for ${patienceSeconds} seconds`,
    logs === null ? 'see that it runs, and try again' : `see its logs in ${logs}, and try again`,
    error,
  );
}

/** Whether a server says of a query that it knows of no worker to ask, as it does after some seconds without one. */
function isWithoutWorker(error: unknown): boolean {
  return /^no poller seen/.test(grpcErrorOf(error)?.details ?? '');
}

/** What gRPC said of a call that failed, also where Temporal's client tells of it in its own words; else undefined. */
export function grpcErrorOf(error: unknown) {
  return [error, (error as Error | undefined)?.cause].find(isGrpcServiceError);
}

/** What to tell of a server that could not be reached: which, why as far as the network says, and what to do. */
export async function unreachable(server: TemporalServer, error: unknown): Promise<CommandError> {
  const message = `cannot reach Temporal at ${server.address} (from ${server.source})`;
  return new CommandError(message, remedy(error, server), (await networkReason(server.address)) ?? error);
}

/** Why nothing answers at an address; undefined where something does, and the fault lies above the network. */
function networkReason(address: string): Promise<string | undefined> {
  const [, host = address, port] = /^(.*):(\d+)$/.exec(address) ?? [];
  return new Promise((resolve) => {
    const socket = connect({ host: host.replace(/^\[|\]$/g, ''), port: Number(port ?? 7233), timeout: 2000 });
    const end = (reason?: string) => {
      socket.destroy();
      resolve(reason);
    };
    socket.once('connect', () => end());
    socket.once('timeout', () => end('nothing answers there: it is too far, or a firewall drops what is sent'));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const code = error.code ?? error.message;
      if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') end(`the name ${host} does not resolve (${code})`);
      else end(code === 'ECONNREFUSED' ? 'nothing listens there (ECONNREFUSED)' : `it cannot be reached (${code})`);
    });
  });
}

/** How many workers listen on a task queue, as far as the server has heard from them of late. */
export async function workersOn(
  { client }: ConnectedClient,
  taskQueue: string,
  kind: 'workflow' | 'activity',
): Promise<number> {
  const { connection, options } = client;
  const answer = await connection.workflowService.describeTaskQueue({
    namespace: options.namespace,
    taskQueue: { name: taskQueue },
    // Of temporal.api.enums.v1.TaskQueueType.
    taskQueueType: kind === 'workflow' ? 1 : 2,
  });
  return answer.pollers?.length ?? 0;
}

function readEnvironment(env: NodeJS.ProcessEnv): ClientConfigProfile {
  const overrideEnvVars = Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value ? [[name, value]] : [])),
  );
  const disableFile = !env.TEMPORAL_CONFIG_FILE && !env.TEMPORAL_PROFILE;
  try {
    return loadClientConfigProfile({ overrideEnvVars, disableFile });
  } catch (error) {
    throw new CommandError('cannot use the TEMPORAL_* environment', 'correct it, or unset it', error);
  }
}

function sourceInEnvironment(env: NodeJS.ProcessEnv): string {
  if (env.TEMPORAL_ADDRESS) return 'TEMPORAL_ADDRESS';
  const profile = env.TEMPORAL_PROFILE ? `profile ${env.TEMPORAL_PROFILE}` : 'the default profile';
  return `${profile} of ${env.TEMPORAL_CONFIG_FILE ?? 'temporal.toml'}`;
}

function tlsOf(tls: boolean | TlsFiles | undefined): ClientConfigProfile['tls'] | undefined {
  if (tls === undefined || tls === true) return undefined;
  if (tls === false) return { disabled: true };
  return {
    ...(tls.serverName === undefined ? {} : { serverName: tls.serverName }),
    ...(tls.serverCA === undefined ? {} : { serverCACert: { path: tls.serverCA } }),
    ...(tls.clientCertificate === undefined ? {} : { clientCert: { path: tls.clientCertificate } }),
    ...(tls.clientKey === undefined ? {} : { clientKey: { path: tls.clientKey } }),
  };
}

/** gRPC's codes, as far as a person can do something about them. */
const remedies: Record<number, string> = {
  5: 'create the namespace, or name another with TEMPORAL_NAMESPACE or in the configuration',
  7: 'its API key or certificate may not do this: check them and their rights',
  16: 'check the API key or the certificate',
};

function remedy(error: unknown, { source, logs }: TemporalServer): string {
  const known = isGrpcServiceError(error) ? remedies[error.code] : undefined;
  if (known !== undefined) return known;
  if (logs === null)
    return `check that it runs and that the address is right; without ${source}, Descent starts a server of its own`;
  return `it runs on this machine: see that programs may reach 127.0.0.1 here (a container or sandbox may forbid it), and see the logs in ${logs}`;
}
