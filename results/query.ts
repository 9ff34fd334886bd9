import { randomBytes } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type {
  DuckDBConnection,
  DuckDBDataChunk,
  DuckDBPreparedStatement,
  DuckDBResult,
  DuckDBValue,
} from '@duckdb/node-api';
import { didYouMean, listed } from '../planner/diagnostic.ts';
import type { Json } from '../planner/plan.ts';
import { makeFolder, syncFolder } from '../store/write.ts';
import { interruptible, withDatabase } from './database.ts';
import { asSystemError, QueryError, ResultsError } from './errors.ts';
import { lineageOf, publications } from './publications.ts';
import { findSavedQuery, isSavedQuery, type SavedParameter, type SavedQuery } from './saved.ts';
import { quoted } from './sql.ts';
import { toJson } from './value.ts';

/** Values for the `$name`s of a query. Text is taken for any type, as it comes from a command line. */
export type Parameters = Readonly<Record<string, string | number | boolean | null>>;

/** Rows and what their columns are. */
export interface Rows {
  /** Names are unique: a second `x` is `x:1`. */
  columns: { name: string; type: string }[];
  /** Values as JSON has them; see toJson. */
  rows: Json[][];
}

/** What a query came to. */
export interface QueryResult extends Rows {
  /** Whether there are more rows than were asked for. */
  cut: boolean;
}

/** What a query may do and for how long. */
export interface QueryOptions {
  /** Let it read and write files and reach the network. Default: false. */
  files?: boolean;
  /** Stopped after so many seconds, because the writer waits as long. Default: 300. */
  timeoutSeconds?: number;
  /** How long to wait for whoever writes, in seconds. Default: as `withDatabase`. */
  patienceSeconds?: number;
  /** As `withDatabase`. */
  besideForSeconds?: number;
  /** Only so many rows are read. Default: all. */
  mostRows?: number;
  /** Stops it. */
  signal?: AbortSignal;
}

/**
 * Runs SQL, or a saved query or one by its name, on the results: read-only, and without any way to files or the network
 * unless `files` is set. Of several statements the last one's rows are given. Throws a QueryError, with the place, for
 * SQL that cannot be run and for parameters that are missing, unknown or of the wrong type.
 */
export async function runQuery(
  home: string,
  asked: string | SavedQuery,
  parameters: Parameters = {},
  options: QueryOptions = {},
): Promise<QueryResult> {
  return withDatabase(
    home,
    'read',
    (connection) =>
      withTimeout(connection, options, async () => {
        const query = await prepareQuery(connection, asked, parameters);
        const result = await runStatements(connection, query.sql, query.values, options.mostRows !== undefined);
        return await readResult(result, options.mostRows ?? Number.POSITIVE_INFINITY);
      }),
    {
      files: options.files ?? false,
      patienceSeconds: options.patienceSeconds,
      ...(options.besideForSeconds !== undefined && { besideForSeconds: options.besideForSeconds }),
      ...(options.signal && { signal: options.signal }),
    },
  );
}

/**
 * Runs SQL or a saved query, as runQuery does, and writes its rows to a Parquet file, whole or not at all; what was
 * there is replaced. Gives the number of rows. One statement only.
 */
export async function writeParquet(
  home: string,
  asked: string | SavedQuery,
  parameters: Parameters,
  path: string,
  options: QueryOptions = {},
): Promise<number> {
  const target = resolve(path);
  await makeFolder(dirname(target));
  const temporary = `${target}.${process.pid}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const rows = await withDatabase(
      home,
      'read',
      (connection) =>
        withTimeout(connection, options, async () => {
          const { sql, values } = await prepareQuery(connection, asked, parameters);
          // COPY takes no parameters, and the rows of a person's SQL are made before any file may be written.
          await runStatements(connection, `CREATE TEMP TABLE parquet_rows AS (\n${oneStatement(sql)}\n)`, values);
          return await copyTo(connection, temporary);
        }),
      {
        files: options.files ?? false,
        output: temporary,
        patienceSeconds: options.patienceSeconds,
        ...(options.signal ? { signal: options.signal } : {}),
      },
    );
    await rename(temporary, target);
    await syncFolder(dirname(target));
    return rows;
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    throw new QueryError(error.message.replaceAll(temporary, target), { cause: error });
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Rows of the table that were written. */
async function copyTo(connection: DuckDBConnection, path: string): Promise<number> {
  try {
    const copied = await connection.run(`COPY parquet_rows TO ${quoted(path)} (FORMAT parquet)`);
    return copied.rowsChanged;
  } catch (error) {
    throw asSystemError(error, path);
  }
}

type Values = Record<string, DuckDBValue>;

async function prepareQuery(
  connection: DuckDBConnection,
  asked: string | SavedQuery,
  parameters: Parameters,
): Promise<{ sql: string; values: Values }> {
  const query = typeof asked === 'string' ? await namedQuery(connection, asked.trim()) : asked;
  if (query === undefined) return { sql: String(asked), values: { ...parameters } };
  rejectUnknown(
    parameters,
    query.parameters.map(({ name }) => name),
  );
  const values: Values = {};
  for (const parameter of query.parameters) {
    const value = typedValue(parameter, parameters[parameter.name] ?? parameter.default);
    if (parameter.known !== undefined && value !== null)
      await mustBeKnown(connection, parameter, parameter.known, value);
    values[parameter.name] =
      value === null && parameter.known?.column === 'lineage' ? await lastLineage(connection) : value;
  }
  return { sql: query.sql, values };
}

/** The saved query of that name; undefined of SQL. */
async function namedQuery(connection: DuckDBConnection, text: string): Promise<SavedQuery | undefined> {
  if (!/^[\w-]+$/.test(text)) return undefined;
  if (!isSavedQuery(text) && (await isTable(connection, text)))
    throw new QueryError(`${text} is a table or view, and no saved query: ask it as SQL, "from ${text}"`);
  return findSavedQuery(text);
}

async function isTable(connection: DuckDBConnection, name: string): Promise<boolean> {
  const found = await connection.runAndReadAll('FROM duckdb_columns() WHERE table_name = $name LIMIT 1', { name });
  return found.currentRowCount > 0;
}

function typedValue({ name, type }: SavedParameter, given: string | number | boolean | null | undefined): DuckDBValue {
  if (given === undefined) throw new QueryError(`the parameter ${name} (${type}) is missing`);
  if (given === null) return null;
  const text = String(given);
  const wrong = (expected: string) => new QueryError(`the parameter ${name} must be ${expected}, and is ${text}`);
  switch (type) {
    case 'VARCHAR':
      return text;
    case 'INTEGER':
      if (!/^-?\d{1,9}$/.test(text)) throw wrong('a whole number');
      return Number(text);
    case 'DOUBLE':
      if (text.trim() === '' || !Number.isFinite(Number(text))) throw wrong('a number');
      return Number(text);
    case 'BOOLEAN':
      if (text !== 'true' && text !== 'false') throw wrong('true or false');
      return text === 'true';
    default:
      return type satisfies never;
  }
}

/** The lineage that ran last; null where none has. */
async function lastLineage(connection: DuckDBConnection): Promise<string | null> {
  const found = await connection.runAndReadAll(
    'SELECT lineage FROM latest_lineages ORDER BY last_recorded DESC LIMIT 1',
  );
  const lineage = found.getRows()[0]?.[0];
  return lineage === undefined ? null : String(lineage);
}

async function mustBeKnown(
  connection: DuckDBConnection,
  { name }: SavedParameter,
  { table, column }: { table: string; column: string },
  value: DuckDBValue,
): Promise<void> {
  const same = await connection.runAndReadAll(`SELECT 1 FROM ${table} WHERE ${column} = $value LIMIT 1`, { value });
  if (same.currentRowCount > 0) return;
  const found = await connection.runAndReadAll(`SELECT DISTINCT ${column} FROM ${table} ORDER BY ${column}`);
  const known = found.getRows().map(([entry]) => String(entry));
  const near = publications.some((publication) => lineageOf(publication) === value)
    ? `\`descent import ${String(value)}\` brings it`
    : known.length === 0
      ? 'the results have none yet'
      : (didYouMean(String(value), known) ??
        (known.length === 1 ? `the only one is ${known[0]}` : `there are ${listed(known)}`));
  throw new QueryError(`there is no ${name} ${String(value)}: ${near}`);
}

async function runStatements(
  connection: DuckDBConnection,
  sql: string,
  values: Values,
  streamed = false,
): Promise<DuckDBResult> {
  // DuckDB fails without a message where there is no statement.
  const words = sql.replaceAll(/--[^\n]*|\/\*[\s\S]*?\*\//g, '').replaceAll(';', '');
  if (words.trim() === '') throw new QueryError('there is no SQL to run');
  const statements = await connection.extractStatements(sql).catch((error: unknown) => {
    throw readable(error);
  });
  const used = new Set<string>();
  for (let index = 0; ; index += 1) {
    const last = index === statements.count - 1;
    const statement = await statements.prepare(index).catch((error: unknown) => {
      throw readable(error);
    });
    try {
      for (const name of bind(statement, values)) used.add(name);
      if (last) rejectUnknown(values, [...used]);
      const result = last && streamed ? await statement.stream() : await statement.run();
      if (last) return result;
    } catch (error) {
      throw readable(error);
    } finally {
      statement.destroySync();
    }
  }
}

/** Binds what the statement asks for, and gives the names. */
function bind(statement: DuckDBPreparedStatement, values: Values): string[] {
  const names = Array.from({ length: statement.parameterCount }, (_, index) => statement.parameterName(index + 1));
  for (const name of names) {
    const value = values[name];
    if (value === undefined) throw new QueryError(`the parameter ${name} is missing`);
    statement.bindValue(statement.parameterIndex(name), Number.isSafeInteger(value) ? BigInt(value as number) : value);
  }
  return names;
}

function rejectUnknown(given: Readonly<Record<string, unknown>>, known: string[]): void {
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const hint = known.length === 0 ? 'the query has none' : `it has ${known.join(', ')}`;
  throw new QueryError(`there is no parameter ${unknown}: ${hint}`);
}

/** Reads what is asked for and no more: rows that nobody takes are not made. */
async function readResult(result: DuckDBResult, mostRows: number): Promise<QueryResult> {
  const types = result.columnTypes();
  const columns = result.deduplicatedColumnNames().map((name, index) => ({ name, type: String(types[index]) }));
  const rows: Json[][] = [];
  for await (const chunk of result) {
    const taken = Math.min(chunk.rowCount, mostRows - rows.length);
    rows.push(...rowsOf(chunk, taken));
    if (taken < chunk.rowCount) return { columns, rows, cut: true };
  }
  return { columns, rows, cut: false };
}

/** The first rows of a chunk, column by column, as DuckDB has them: that takes a third less time than row by row. */
function rowsOf(chunk: DuckDBDataChunk, count: number): Json[][] {
  const rows: Json[][] = Array.from({ length: count }, () => []);
  for (let column = 0; column < chunk.columnCount; column += 1) {
    const vector = chunk.getColumnVector(column);
    for (const [place, row] of rows.entries()) row.push(toJson(vector.getItem(place) as DuckDBValue));
  }
  return rows;
}

async function withTimeout<T>(
  connection: DuckDBConnection,
  { timeoutSeconds = 300, signal = new AbortController().signal }: QueryOptions,
  use: () => Promise<T>,
): Promise<T> {
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    connection.interrupt();
  }, timeoutSeconds * 1000);
  try {
    return await interruptible(connection, signal, use);
  } catch (error) {
    if (late) throw new QueryError(`the query was stopped after ${timeoutSeconds} s: ask for less, or allow more time`);
    throw readable(error);
  } finally {
    clearTimeout(timer);
  }
}

/** DuckDB's errors are plain, classed by their first words, and say the place (`LINE 2: ...` with a caret). */
function readable(error: unknown): unknown {
  if (error instanceof ResultsError || !(error instanceof Error)) return error;
  const closed = /disabled by configuration/.test(error.message);
  const hint = closed ? '\n\nqueries reach no files and no network, unless you ask for it with --allow-files' : '';
  const message = error.message.replace(/^Failed to extract statements: /, '').trimEnd();
  return new QueryError(`${message}${hint}`, { cause: error });
}

/** Without the semicolon at the end, so that it can stand in brackets. */
function oneStatement(sql: string): string {
  return sql.replace(/;\s*(--[^\n]*\s*)*$/, '');
}
