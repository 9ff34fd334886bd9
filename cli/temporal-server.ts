import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { searchAttributeTypes } from '../workflows/names.ts';
import { CommandError } from './failure.ts';

/*
 * How the Temporal server of a home is started.
 */

/** Where a server listens, on the loopback interface. */
export interface Ports {
  server: number;
  ui: number;
}

/** What the Temporal CLI is told to be a home's server, on loopback, with its histories in a SQLite file. */
export function serverArguments(database: string, { server, ui }: Ports): string[] {
  return [
    ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(server), '--ui-port', String(ui)],
    ...['--db-filename', database],
    // Three to four times faster than the defaults, and a kill loses nothing either.
    ...['--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=NORMAL'],
    ...['--ui-disable-news-fetch', '--log-level', 'warn'],
    // Attributes are there from the server's start: to read their list anew with every call would be ten reads a node.
    ...['--dynamic-config-value', 'system.forceSearchAttributesCacheRefreshOnRead=false'],
    // Of what cannot be replayed nothing becomes better by more tries.
    ...['--dynamic-config-value', 'system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute=2'],
    // A queue in one part keeps the order of priorities; parts, of which there are four by default, are for many workers.
    ...['Read', 'Write'].flatMap((end) => ['--dynamic-config-value', `matching.numTaskqueue${end}Partitions=1`]),
    ...Object.entries(searchAttributeTypes).flatMap(([name, type]) => ['--search-attribute', `${name}=${type}`]),
  ];
}

/** Of temporal.api.enums.v1.IndexedValueType. */
const indexedTypes = { Keyword: 2, Int: 3 } as const;

/** How long a server may take to know of attributes that were added: it reads their list anew every few seconds. */
const knownWithinMs = 30_000;

/**
 * Gives the namespace of a home's server the search attributes that it lacks, and returns once it takes them: the server
 * makes those it is started with only together with its histories, and an older Descent may have begun them.
 */
export async function addSearchAttributes({ connection, options: { namespace }, workflow }: Client): Promise<void> {
  const { operatorService } = connection;
  const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
  const missing = Object.entries(searchAttributeTypes).filter(([name]) => customAttributes?.[name] === undefined);
  if (missing.length === 0) return;
  const searchAttributes = Object.fromEntries(missing.map(([name, type]) => [name, indexedTypes[type]]));
  await operatorService.addSearchAttributes({ namespace, searchAttributes });
  const query = missing.map(([name]) => `${name} IS NULL`).join(' AND ');
  for (const deadline = performance.now() + knownWithinMs; ; await sleep(100)) {
    try {
      await workflow.count(query);
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
  }
}

/** A free port on the loopback interface: the wanted one where it is free (0: any). */
export function freePort(wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', () => (wanted === 0 ? reject(new Error('there is no free port')) : resolve(freePort(0))));
    probe.listen(wanted, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/** Throws a CommandError where a port of the loopback interface, which a person named for metrics, cannot be had. */
export async function requirePort(port: number): Promise<void> {
  if ((await freePort(port).catch(() => undefined)) === port) return;
  throw new CommandError(
    `port ${port} of 127.0.0.1, for metrics, cannot be had: something listens on it, or it is not allowed`,
    'name another with --metrics-port',
  );
}

/** Whether something listens on a port of the loopback interface. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
