import {
  type DuckDBAppender,
  type DuckDBConnection,
  DuckDBDataChunk,
  type DuckDBType,
  DuckDBTypeId,
  type DuckDBValue,
  listValue,
} from '@duckdb/node-api';

/** What a cell may be; whole numbers go into any number column, null into any, numbers into a list of DOUBLE. */
export type Cell = string | number | boolean | readonly number[] | null;

/** Adds rows to one table without a statement a row. */
export interface RowAppender {
  /** One row, a value for each column of the table in their order. */
  add(row: readonly Cell[]): void;
  /** Writes out what is buffered and gives how many rows there were; nothing may be added after it. */
  close(): number;
}

/**
 * Appends rows to a table through DuckDB's appender, within the caller's transaction: a column at a time and as many rows as
 * one of DuckDB's vectors holds, because a call for each cell takes longer than all else. Throws for a row that does not fit,
 * as it is added or as the rows that it is among are written.
 */
export async function appendTo(connection: DuckDBConnection, table: string): Promise<RowAppender> {
  const appender = await connection.createAppender(table);
  const columns = Array.from({ length: appender.columnCount }, (_, at) => columnOf(appender.columnType(at), table));
  const chunk = DuckDBDataChunk.create(columns.map(({ type }) => type));
  let rows = 0;
  return {
    add(row) {
      if (row.length !== columns.length)
        throw new Error(`${table} has ${columns.length} columns, the row ${row.length}`);
      for (let at = 0; at < columns.length; at += 1) {
        const { values, convert } = columns[at] as Column;
        const cell = row[at] as Cell;
        values.push(cell === null ? null : convert(cell));
      }
      rows += 1;
      if (rows % rowsAtOnce === 0) write(appender, chunk, columns);
    },
    close() {
      if (rows % rowsAtOnce > 0) write(appender, chunk, columns);
      appender.closeSync();
      return rows;
    },
  };
}

/** Appends all rows at once. */
export async function appendRows(
  connection: DuckDBConnection,
  table: string,
  rows: Iterable<readonly Cell[]>,
): Promise<void> {
  const appender = await appendTo(connection, table);
  for (const row of rows) appender.add(row);
  appender.close();
}

/** What one of DuckDB's vectors holds. */
const rowsAtOnce = 2048;

/** The rows of one column that are not written yet. */
interface Column {
  type: DuckDBType;
  values: DuckDBValue[];
  convert: (cell: NonNullable<Cell>) => DuckDBValue;
}

function columnOf(type: DuckDBType, table: string): Column {
  switch (type.typeId) {
    case DuckDBTypeId.VARCHAR:
    case DuckDBTypeId.DOUBLE:
    case DuckDBTypeId.INTEGER:
    case DuckDBTypeId.BOOLEAN:
      return { type, values: [], convert: (cell) => cell as string | number | boolean };
    case DuckDBTypeId.BIGINT:
      return { type, values: [], convert: (cell) => BigInt(cell as number) };
    case DuckDBTypeId.LIST:
      return { type, values: [], convert: (cell) => listValue(cell as readonly number[]) };
    default:
      throw new Error(`${table}: no way to append to a column of type ${DuckDBTypeId[type.typeId]}`);
  }
}

function write(appender: DuckDBAppender, chunk: DuckDBDataChunk, columns: readonly Column[]): void {
  chunk.reset();
  chunk.rowCount = columns[0]?.values.length ?? 0;
  for (const [at, { values }] of columns.entries()) {
    chunk.setColumnValues(at, values);
    values.length = 0;
  }
  appender.appendDataChunk(chunk);
}
