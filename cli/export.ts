import { stat } from 'node:fs/promises';
import { exportViews } from '../results/export.ts';
import { openLineageEvents } from '../results/openlineage.ts';
import { findHome } from '../store/home.ts';
import { writeWhole } from '../store/write.ts';
import { counted } from '../words/figures.ts';
import { absolute, type Context, type ExitCode, exitCodes } from './context.ts';
import { CommandError } from './failure.ts';
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
  const target = absolute(context, to);
  const { lineage: name } = await recordedLineage(home, lineage);
  if (format === 'openlineage') {
    const found = await stat(target).catch(() => undefined);
    if (found?.isDirectory()) throw new CommandError(`${to} is a folder`, 'name a file: --to events.jsonl');
    const events = await openLineageEvents(home, name);
    await writeWhole(target, events.map((event) => `${JSON.stringify(event)}\n`).join(''));
    context.terminal.err(`wrote ${counted(events.length, 'event')} of ${name} to ${to}`);
    return exitCodes.fine;
  }
  const views = await exportViews(home, name, target, format);
  const rows = views.reduce((sum, view) => sum + view.rows, 0);
  context.terminal.err(`wrote ${counted(views.length, 'view')} of ${name}, ${counted(rows, 'row')}, to ${to}`);
  return exitCodes.fine;
}
