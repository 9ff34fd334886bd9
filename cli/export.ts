import { exportViews } from '../results/export.ts';
import { openLineageEvents } from '../results/openlineage.ts';
import { findHome } from '../store/home.ts';
import { counted } from '../words/figures.ts';
import { absolute, type Context, type ExitCode, exitCodes } from './context.ts';
import { CommandError } from './failure.ts';
import { outputFile, whileWriting, writeOutput } from './output.ts';
import { recordedLineage } from './recorded-lineage.ts';

/** Options of `descent export`. */
export interface ExportOptions {
  to: string;
  format: 'parquet' | 'csv' | 'openlineage';
}

/** `descent export [LINEAGE]`: all views of a lineage as files in a folder, or its runs as OpenLineage events in one file. */
export async function exportLineage(
  lineage: string | undefined,
  { to, format }: ExportOptions,
  context: Context,
): Promise<ExitCode> {
  const home = findHome(context.cwd, context.env);
  if (format === 'openlineage') {
    const file = await outputFile(to, '--to events.jsonl', context);
    const { lineage: name } = await recordedLineage(home, lineage, context);
    const events = await openLineageEvents(home, name);
    await writeOutput(file, events.map((event) => `${JSON.stringify(event)}\n`).join(''));
    const none = events.length === 0 ? ': nothing of it was run here' : '';
    context.terminal.err(`wrote ${counted(events.length, 'event')} of ${name} to ${to}${none}`);
    return exitCodes.fine;
  }
  if (to === '' || to === '-') throw new CommandError(`${to || 'nothing'} names no folder`, 'name one: --to results');
  const { lineage: name } = await recordedLineage(home, lineage, context);
  const views = await whileWriting(to, (signal) => exportViews(home, name, absolute(context, to), format, signal));
  const rows = views.reduce((sum, view) => sum + view.rows, 0);
  context.terminal.err(`wrote ${counted(views.length, 'view')} of ${name}, ${counted(rows, 'row')}, to ${to}`);
  return exitCodes.fine;
}
