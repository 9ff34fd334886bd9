import { Runtime } from '@temporalio/worker';
import { findHome } from '../store/home.ts';
import { makeFolder } from '../store/write.ts';
import { loadConfig } from './config.ts';
import { configuredServer } from './connect.ts';
import type { Context, ExitCode } from './context.ts';
import { CommandError } from './failure.ts';
import { watchInterrupts } from './interrupt.ts';
import { ownServer } from './open-lineages.ts';
import { gpuNotices } from './session.ts';
import { requirePort } from './temporal-server.ts';
import { runWorker } from './worker.ts';

/** How long connecting may take before a person is told what is waited for. */
const patienceMs = 5000;

/** `descent worker --queue CLASS`: one worker, until Ctrl-C or SIGTERM, for the Temporal that is configured. */
export async function serve(options: { queue: string; metricsPort?: number }, context: Context): Promise<ExitCode> {
  const { terminal, cwd, env } = context;
  const home = findHome(cwd, env);
  if (options.metricsPort !== undefined) await requirePort(options.metricsPort);
  const loaded = await loadConfig(cwd, env);
  const server = configuredServer(loaded, env) ?? (await ownServer(home, loaded.config)) ?? nowhere();
  await makeFolder(home);
  const stopping = new AbortController();
  const interrupts = watchInterrupts();
  void interrupts.asked.then(() => {
    terminal.err('taking no new work, saving checkpoints; Ctrl-C again stops at once');
    stopping.abort();
  });
  const notices = gpuNotices([options.queue], loaded.config.devices);
  for (const text of notices) terminal.err(`warning: ${text}; \`descent doctor\` says more`);
  const late = setTimeout(() => terminal.err(`waiting for Temporal at ${server.address}`), patienceMs);
  const served = runWorker({
    home,
    config: loaded.config,
    server,
    classes: [options.queue],
    lineages: true,
    env,
    metricsPort: options.metricsPort,
    tell: terminal.err,
    signal: stopping.signal,
    onReady: () => {
      clearTimeout(late);
      for (const text of notices) Runtime.instance().logger.warn(text);
      terminal.out(`serving ${options.queue} for Temporal at ${server.address}, namespace ${server.namespace}`);
    },
  }).finally(() => clearTimeout(late));
  // The process ends after this, whatever the worker still does.
  await Promise.race([served, interrupts.insisted]);
  interrupts.stop();
  return interrupts.served();
}

function nowhere(): never {
  throw new CommandError(
    'no Temporal is configured, and none runs for this home',
    'set TEMPORAL_ADDRESS, or name an address in temporal.config.json; or start one here: descent up',
  );
}
