import { connect, createServer } from 'node:net';
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
    // A queue in one part keeps the order of priorities; parts, of which there are four by default, are for many workers.
    ...['Read', 'Write'].flatMap((end) => ['--dynamic-config-value', `matching.numTaskqueue${end}Partitions=1`]),
    ...Object.entries(searchAttributeTypes).flatMap(([name, type]) => ['--search-attribute', `${name}=${type}`]),
  ];
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
