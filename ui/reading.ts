import { existsSync } from 'node:fs';
import type { DuckDBConnection } from '@duckdb/node-api';
import { withDatabase } from '../results/database.ts';
import { databasePath } from '../store/home.ts';

/**
 * How a request reads: it waits a moment for whoever writes results, and is to be asked again then; beside others of this
 * server, as none takes long but a person's own SQL.
 */
export const quickReading = { patienceSeconds: 1, besideForSeconds: Number.POSITIVE_INFINITY };

/**
 * Reads the results for a request: `nothing` where there are none yet. Throws a DatabaseBusyError, which names who has
 * them, where that takes long.
 */
export async function readResults<T>(
  home: string,
  nothing: T,
  use: (connection: DuckDBConnection) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  if (!existsSync(databasePath(home))) return nothing;
  return await withDatabase(home, 'read', use, { ...quickReading, ...(signal && { signal }) });
}

/** Rows of a question, as DuckDB has them. */
export async function rowsOf(
  connection: DuckDBConnection,
  sql: string,
  parameters: Record<string, string | number | null> = {},
): Promise<unknown[][]> {
  return (await connection.runAndReadAll(sql, parameters)).getRows();
}
