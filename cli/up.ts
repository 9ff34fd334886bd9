import { findHome } from '../store/home.ts';
import { loadConfig } from './config.ts';
import { configuredServer } from './connect.ts';
import type { Context, ExitCode } from './context.ts';
import { CommandError } from './failure.ts';
import { startOrJoinHost } from './host.ts';
import { watchInterrupts } from './interrupt.ts';

/** Between two looks at whether it still runs. */
const lookEveryMs = 1000;

/** `descent up`: holds the home's own server and worker until Ctrl-C or SIGTERM, and starts them again where they are killed. */
export async function up(options: { metricsPort?: number }, context: Context): Promise<ExitCode> {
  const { terminal, cwd, env } = context;
  const home = findHome(cwd, env);
  const configured = configuredServer(await loadConfig(cwd, env), env);
  if (configured !== null) {
    throw new CommandError(
      `Temporal at ${configured.address} is configured (by ${configured.source}), so there is no server to keep up`,
      'serve a device class with `descent worker --queue <class>`',
    );
  }
  const host = await startOrJoinHost(home, { cwd, env, lineages: 'all', metricsPort: options.metricsPort });
  terminal.out(`Temporal: ${host.server.address}, with its UI at ${host.uiAddress}`);
  terminal.out('Ctrl-C ends it, when nobody else needs it.');
  const interrupts = watchInterrupts();
  try {
    while (interrupts.pressed() === 0) {
      if (await host.ensure()) terminal.err(`it was killed, and runs again: ${host.server.address}`);
      await interrupts.pause(lookEveryMs);
    }
    terminal.err('stopping; Ctrl-C again stops at once');
  } finally {
    await Promise.race([host.release(), interrupts.insisted.then(() => host.kill())]);
    interrupts.stop();
  }
  return interrupts.served();
}
