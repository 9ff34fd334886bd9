import { endProcess, type ProcessRecord } from '../activities/processes.ts';
import { loadConfig } from './config.ts';
import { localServer } from './connect.ts';
import { cancelUnfollowed, failLost } from './recover.ts';
import { runWorker } from './worker.ts';

/*
 * The worker of a home's own Temporal server: a child of the host. What it is to do comes as JSON in its one argument.
 * It ends when it is told to (SIGTERM), and when its standard input closes: then its host is dead, and once everything
 * is handed back it ends the server too, which nobody else would.
 */

/** The argument of this program. */
export interface WorkerAssignment {
  home: string;
  cwd: string;
  address: string;
  server: ProcessRecord;
  /** Port of 127.0.0.1 for Prometheus; null for none. */
  metricsPort: number | null;
}

const { home, cwd, address, server, metricsPort } = JSON.parse(process.argv[2] ?? '{}') as WorkerAssignment;
const stopping = new AbortController();
let orphaned = false;
process.on('SIGTERM', () => stopping.abort());
// Ctrl-C in a terminal is for the command in front; the host tells this process when it is time.
process.on('SIGINT', () => undefined);
process.stdin.resume();
process.stdin.on('end', () => {
  orphaned = true;
  stopping.abort();
});

try {
  const { config } = await loadConfig(cwd, process.env);
  await runWorker({
    home,
    config,
    server: localServer(address, home, config),
    classes: Object.keys(config.devices),
    lineages: true,
    env: process.env,
    metricsPort: metricsPort ?? undefined,
    signal: stopping.signal,
    beforeLineages: failLost,
    beforeDevices: (client) => cancelUnfollowed(client, home),
  });
  process.exitCode = 0;
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
} finally {
  if (orphaned) await endProcess(server, 5000);
}
process.exit();
