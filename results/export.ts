import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { explain, makeFolder, syncFile, syncFolder, temporaryFor } from '../store/write.ts';
import { interruptible, withDatabase } from './database.ts';
import { asSystemError, ResultsError } from './errors.ts';
import { quoted } from './sql.ts';

/** Files that a table can be. */
export type ExportFormat = 'parquet' | 'csv';

/** A view that was written to a file. */
export interface ExportedView {
  view: string;
  rows: number;
}

/**
 * Writes every view of the results, narrowed to one lineage, to `<folder>/<view>.<format>`: all of the same moment, and
 * the folder with all of them in it or none at all. Rows are in order of their columns, so the same results give the same
 * files. Parquet keeps types; in CSV (UTF-8, a head, NULL empty, an empty text `""`) times are ISO 8601 in UTC and lists
 * JSON. `signal` ends it, and leaves nothing. Throws a ResultsError
 * where there is something at `folder` but an empty folder, and as `withDatabase` does.
 */
export async function exportViews(
  home: string,
  lineage: string,
  folder: string,
  format: ExportFormat,
  signal: AbortSignal = new AbortController().signal,
): Promise<ExportedView[]> {
  const target = resolve(folder);
  if (existsSync(target) && !isEmptyFolder(target)) throw isThere(target);
  await makeFolder(dirname(target));
  const temporary = temporaryFor(target);
  mkdirSync(temporary);
  try {
    const written = await withDatabase(
      home,
      'read',
      (connection) => interruptible(connection, signal, () => copyViews(connection, lineage, temporary, format)),
      {
        files: true, // the SQL is of this file alone
        signal,
      },
    );
    for (const { view } of written) await syncFile(join(temporary, `${view}.${format}`));
    await syncFolder(temporary);
    place(temporary, target);
    await syncFolder(dirname(target));
    return written;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function isEmptyFolder(path: string): boolean {
  return statSync(path).isDirectory() && readdirSync(path).length === 0;
}

/** rename(2) takes the place of an empty folder, and of nothing else that is there. */
function place(temporary: string, target: string): void {
  try {
    renameSync(temporary, target);
  } catch (error) {
    throw existsSync(target) && !isEmptyFolder(target) ? isThere(target) : explain(error, target);
  }
}

function isThere(target: string): ResultsError {
  return new ResultsError(`${target} is there already: name a folder that is not there yet, or an empty one`);
}

async function copyViews(
  connection: DuckDBConnection,
  lineage: string,
  folder: string,
  format: ExportFormat,
): Promise<ExportedView[]> {
  const written: ExportedView[] = [];
  for (const view of await viewsOf(connection)) {
    const path = quoted(join(folder, `${view.name}.${format}`));
    const options = format === 'csv' ? 'FORMAT csv, HEADER' : 'FORMAT parquet';
    const copied = connection.run(`COPY (${rowsOf(view, lineage, format)}) TO ${path} (${options})`);
    const { rowsChanged } = await copied.catch((error: unknown) => {
      throw asSystemError(error, folder);
    });
    written.push({ view: view.name, rows: rowsChanged });
  }
  return written;
}

interface View {
  name: string;
  columns: { name: string; type: string }[];
}

async function viewsOf(connection: DuckDBConnection): Promise<View[]> {
  const found = await connection.runAndReadAll(`
    SELECT view_name, column_name, data_type
    FROM duckdb_views() AS v JOIN duckdb_columns() AS c ON c.table_oid = v.view_oid AND c.table_name = v.view_name
    WHERE NOT v.internal AND v.database_name = current_database() AND c.database_name = current_database()
    ORDER BY view_name, column_index`);
  const views = new Map<string, View>();
  for (const [name, column, type] of found.getRows().map((row) => row.map(String) as [string, string, string])) {
    const view = views.get(name) ?? { name, columns: [] };
    views.set(name, view);
    view.columns.push({ name: column, type });
  }
  return [...views.values()];
}

/** A view's rows of one lineage: by its name, or where the view has none, by the nodes of its current version. */
function rowsOf({ name, columns }: View, lineage: string, format: ExportFormat): string {
  const has = (column: string) => columns.some((each) => each.name === column);
  const ofLineage = has('lineage')
    ? `lineage = ${quoted(lineage)}`
    : `key IN (SELECT n.key FROM lineage_nodes AS n JOIN latest_lineages AS l USING (plan) WHERE l.lineage = ${quoted(lineage)})`;
  const shown = columns.map((column) => (format === 'csv' ? asText(column) : `"${column.name}"`));
  return `SELECT ${shown.join(', ')} FROM "${name}" WHERE ${ofLineage} ORDER BY ALL`;
}

/** A column as CSV has it. */
function asText({ name, type }: View['columns'][number]): string {
  if (type === 'TIMESTAMP WITH TIME ZONE') return `strftime("${name}", '%Y-%m-%dT%H:%M:%S.%gZ') AS "${name}"`;
  return /\[|^STRUCT|^MAP/.test(type) ? `to_json("${name}")::VARCHAR AS "${name}"` : `"${name}"`;
}
