import { createLogUpdate } from 'log-update';
import { findHome } from '../store/home.ts';
import { readPlan } from '../store/plans.ts';
import { type Context, type ExitCode, exitCodes } from './context.ts';
import { describeFailure } from './failure.ts';
import { unknownLineage } from './find-node.ts';
import { watchInterrupts } from './interrupt.ts';
import { lookAtLineages } from './look.ts';
import { askTemporal, knownLineages } from './open-lineages.ts';
import { type LineageReport, renderStatus } from './render/status.ts';
import { lookAtRest, stoppedAs } from './rest.ts';

/** Between two looks of `--watch`. */
const lookEveryMs = 1000;

/**
 * `descent status [LINEAGE]`: how every lineage of this home stands; one that is named, node by node. With `--watch` it is
 * shown again every second, until nothing runs any more or Ctrl-C; through a pipe, whenever it has changed. A look that fails
 * is told of, and the next one made.
 */
export async function status(
  name: string | undefined,
  options: { json?: true; watch?: true },
  context: Context,
): Promise<ExitCode> {
  const { terminal } = context;
  const home = findHome(context.cwd, context.env);
  const look = async () => {
    const reports = await reportsOf(home, name, context);
    const text = options.json
      ? JSON.stringify(reports, null, options.watch ? 0 : 2)
      : renderStatus(reports, name !== undefined, terminal.colours);
    return { text, trouble: '', running: reports.some(({ running }) => running) };
  };
  if (!options.watch) {
    terminal.out((await look()).text);
    return exitCodes.fine;
  }
  const redraw = terminal.interactive && !options.json ? createLogUpdate(process.stdout) : undefined;
  const interrupts = watchInterrupts();
  try {
    let seen = await look();
    for (let shown = { text: '', trouble: '' }; ; ) {
      const { text, trouble, running } = seen;
      if (redraw) redraw(trouble === '' ? text : `${text}\n\n${trouble}`);
      else {
        if (text !== shown.text) terminal.out(text);
        if (trouble !== '' && trouble !== shown.trouble) terminal.err(trouble);
      }
      shown = seen;
      if (!running) return exitCodes.fine;
      await interrupts.pause(lookEveryMs);
      if (interrupts.pressed() > 0) return exitCodes.fine;
      seen = await look().catch((error: unknown) => {
        return { ...shown, running, trouble: describeFailure(error, terminal.errorColours, context.debug).text };
      });
    }
  } finally {
    redraw?.done();
    interrupts.stop();
  }
}

async function reportsOf(home: string, name: string | undefined, context: Context): Promise<LineageReport[]> {
  const lineages = await knownLineages(home);
  const chosen = lineages.filter(({ lineage }) => name === undefined || lineage === name);
  if (name !== undefined && chosen.length === 0) {
    throw unknownLineage(
      name,
      lineages.map(({ lineage }) => lineage),
    );
  }
  return await askTemporal(home, context, (client) =>
    lookAtLineages(chosen, {
      client,
      planOf: (digest) => readPlan(home, digest),
      restOf: (plan) => lookAtRest(home, plan),
      stoppedAs: (node) => stoppedAs(home, node),
    }),
  );
}
