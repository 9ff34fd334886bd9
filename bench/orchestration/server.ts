import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findTemporal } from '#setup/temporal.mjs';
import { accepts, freePort, serverArguments } from '../../cli/temporal-server.ts';

/** Nodes under way at once. They do nothing, so they only wait for disk and server. */
export const slots = 50;

/** Starts a Temporal server that is set up as a home's own, with its histories in the folder's `temporal.db`. */
export async function startServer(folder: string): Promise<{ server: ChildProcess; address: string }> {
  const temporal = findTemporal();
  if (temporal === undefined) throw new Error('there is no Temporal server on this machine: run `npm run setup`');
  const port = await freePort(0);
  const args = serverArguments(join(folder, 'temporal.db'), { server: port, ui: await freePort(0) });
  const server = spawn(temporal.path, args, { stdio: 'ignore' });
  while (!(await accepts(port))) {
    if (hasEnded(server)) throw new Error('the Temporal server ended as it started');
    await sleep(20);
  }
  return { server, address: `127.0.0.1:${port}` };
}

/** Ends a process, and waits until it has. */
export async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM');
  if (!hasEnded(child)) await once(child, 'exit');
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
