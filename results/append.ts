import { type DuckDBAppender, type DuckDBConnection, DuckDBTypeId } from '@duckdb/node-api';

/** What a cell may be; whole numbers go into any number column, null into any. */
export type Cell = string | number | boolean | null;

/** Adds rows to one table without a statement a row. */
export interface RowAppender {
  /** One row, a value for each column of the table in their order. */
  add(row: readonly Cell[]): void;
  /** Writes out what is buffered and gives how many rows there were; nothing may be added after it. */
  close(): number;
}

/** Appends rows to a table through DuckDB's appender, within the caller's transaction. Throws for a row that does not fit. */
export async function appendTo(connection: DuckDBConnection, table: string): Promise<RowAppender> {
  const appender = await connection.createAppender(table);
  const write = Array.from({ length: appender.columnCount }, (_, column) => cellWriter(appender, column, table));
  let rows = 0;
  return {
    add(row) {
      if (row.length !== write.length) throw new Error(`${table} has ${write.length} columns, the row ${row.length}`);
      write.forEach((cell, column) => {
        cell(row[column] ?? null);
      });
      appender.endRow();
      rows += 1;
    },
    close() {
      appender.closeSync();
      return rows;
    },
  };
}

/** Appends all rows at once. */
export async function appendRows(
  connection: DuckDBConnection,
  table: string,
  rows: readonly (readonly Cell[])[],
): Promise<void> {
  if (rows.length === 0) return;
  const appender = await appendTo(connection, table);
  for (const row of rows) appender.add(row);
  appender.close();
}

function cellWriter(appender: DuckDBAppender, column: number, table: string): (cell: Cell) => void {
  const { typeId } = appender.columnType(column);
  const fill = filler(appender, typeId);
  if (fill === undefined) throw new Error(`${table}: no way to append to a column of type ${DuckDBTypeId[typeId]}`);
  return (cell) => (cell === null ? appender.appendNull() : fill(cell as never));
}

function filler(appender: DuckDBAppender, typeId: DuckDBTypeId): ((cell: never) => void) | undefined {
  switch (typeId) {
    case DuckDBTypeId.VARCHAR:
      return (cell: string) => appender.appendVarchar(cell);
    case DuckDBTypeId.DOUBLE:
      return (cell: number) => appender.appendDouble(cell);
    case DuckDBTypeId.INTEGER:
      return (cell: number) => appender.appendInteger(cell);
    case DuckDBTypeId.BIGINT:
      return (cell: number) => appender.appendBigInt(BigInt(cell));
    case DuckDBTypeId.BOOLEAN:
      return (cell: boolean) => appender.appendBoolean(cell);
    default:
      return undefined;
  }
}
