import { fileURLToPath } from 'node:url';
import { findHome } from '../store/home.ts';
import { serveUi, type UiServer } from '../ui/server.ts';
import type { Context, ExitCode } from './context.ts';
import { CommandError, describeFailure } from './failure.ts';
import { watchInterrupts } from './interrupt.ts';
import { openLive } from './live.ts';
import { recordedLineage } from './recorded-lineage.ts';
import { shellWord } from './shell.ts';

/** Options of `descent ui`. */
export interface UiOptions {
  /** Port of 127.0.0.1; 0, the default, for one that is free. */
  port?: number;
  json?: true;
}

/** `descent ui [LINEAGE]`: serves the page of a home on this machine alone, until Ctrl-C or SIGTERM. */
export async function ui(lineage: string | undefined, options: UiOptions, context: Context): Promise<ExitCode> {
  const { terminal } = context;
  const home = findHome(context.cwd, context.env);
  const first = lineage === undefined ? null : (await recordedLineage(home, lineage, context)).lineage;
  const report = (error: unknown) => terminal.err(describeFailure(error, terminal.errorColours, context.debug).text);
  const interrupts = watchInterrupts();
  const page = await openPage(home, { port: options.port ?? 0, lineage: first, report }, context);
  try {
    if (options.json) terminal.out(JSON.stringify({ address: page.address }));
    else {
      terminal.out(page.address);
      terminal.out('Who has this address may ask and act; it holds until Ctrl-C.');
    }
    await interrupts.asked;
  } finally {
    await Promise.race([page.close(), interrupts.insisted]);
    interrupts.stop();
  }
  return interrupts.served();
}

/** The page, while it is served. */
export interface Page {
  /** To open in a browser. The token is in its fragment, which browsers send to nobody and write into no log. */
  address: string;
  close: UiServer['close'];
}

/**
 * Serves the page of a home, which shows `lineage` first where one is named. Throws a CommandError where somebody has the
 * port. `report` is told of errors that nobody expects.
 */
export async function openPage(
  home: string,
  { port, lineage, report }: { port: number; lineage: string | null; report: (error: unknown) => void },
  context: Context,
): Promise<Page> {
  const live = await openLive(home, context);
  try {
    const server = await serveUi({ home, live, page: pageFolder, port, report });
    const fragment = new URLSearchParams({ token: server.token, ...(lineage !== null && { lineage }) });
    return { address: `http://127.0.0.1:${server.port}/#${fragment}`, close: server.close };
  } catch (error) {
    await live.close();
    throw portTaken(error, port, lineage);
  }
}

/** What the build makes of ui/page. */
const pageFolder = fileURLToPath(new URL('../ui/page/', import.meta.url));

function portTaken(error: unknown, port: number, lineage: string | null): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const other = `name another with --port, or none for one that is free: descent ui${lineage === null ? '' : ` ${shellWord(lineage)}`}`;
  if (code === 'EADDRINUSE') return new CommandError(`another program has the port ${port} of 127.0.0.1`, other, error);
  if (code === 'EACCES') return new CommandError(`you may not have the port ${port}`, other, error);
  return error;
}
