import type { DuckDBConnection } from '@duckdb/node-api';
import { sha256 } from '../planner/key.ts';
import { ResultsError } from './errors.ts';
import { keepAllPlans, keptText } from './kept.ts';
import { sqlFiles } from './sql-files.ts';
import { updateWideView } from './wide.ts';

/*
 * Tables come from migrations/, views from views/, each in the order of their names. A migration is applied once and
 * never edited after it was released; views, and the tables that kept/ fills, are made anew whenever their text changes.
 */

/** Whether the open database has the tables and views of this Descent: `old` means a writer has to update it. */
export async function schemaState(connection: DuckDBConnection): Promise<'current' | 'old'> {
  return (await dueParts(connection)).length === 0 ? 'current' : 'old';
}

/**
 * Brings the database up to date, within the caller's transaction. Throws a ResultsError when it was written by a
 * newer Descent, whose tables this one does not know.
 */
export async function updateSchema(connection: DuckDBConnection): Promise<void> {
  const due = await dueParts(connection);
  if (due.length === 0) return;
  await connection.run(versionTable);
  for (const { name, digest, apply } of due) {
    await apply(connection);
    await connection.run('INSERT OR REPLACE INTO schema_versions VALUES ($name, $digest, now())', { name, digest });
  }
  await updateWideView(connection);
}

const versionTable = `
  CREATE TABLE IF NOT EXISTS schema_versions (part VARCHAR PRIMARY KEY, digest VARCHAR NOT NULL, applied_at TIMESTAMPTZ NOT NULL);
  COMMENT ON TABLE schema_versions IS 'Which migrations and which views this file has.';
  COMMENT ON COLUMN schema_versions.part IS 'A migration''s name, kept for all tables that follow of plans, views for all views but lineage_wide, or lineage_wide.';
  COMMENT ON COLUMN schema_versions.digest IS 'SHA-256 of its SQL.';
  COMMENT ON COLUMN schema_versions.applied_at IS 'When it was applied.';
`;

/** What the open database lacks. Throws for one that has what is not known here. */
async function dueParts(connection: DuckDBConnection): Promise<SchemaPart[]> {
  const applied = await appliedParts(connection);
  const known = new Set(['lineage_wide', ...schemaParts().map(({ name }) => name)]);
  const newer = [...applied.keys()].filter((name) => !known.has(name));
  if (newer.length > 0) {
    throw new ResultsError(
      `results.duckdb was written by a newer Descent (it has ${newer.join(', ')}): update Descent, or use another home`,
    );
  }
  return schemaParts().filter(({ name, digest, once }) => (once ? !applied.has(name) : applied.get(name) !== digest));
}

/** Digests by name; none in a new file. */
async function appliedParts(connection: DuckDBConnection): Promise<Map<string, string>> {
  const tables = await connection.runAndReadAll(`FROM duckdb_tables() WHERE table_name = 'schema_versions'`);
  if (tables.currentRowCount === 0) return new Map();
  const applied = await connection.runAndReadAll('SELECT part, digest FROM schema_versions');
  return new Map(applied.getRows().map(([part, digest]) => [String(part), String(digest)]));
}

/** A migration, all kept tables together, or all views. */
interface SchemaPart {
  name: string;
  /** SHA-256 of the SQL. */
  digest: string;
  apply(connection: DuckDBConnection): Promise<unknown>;
  /** Applied once (migrations), or again whenever the text has changed. */
  once: boolean;
}

let parts: SchemaPart[] | undefined;

function schemaParts(): SchemaPart[] {
  const run = (sql: string) => (connection: DuckDBConnection) => connection.run(sql);
  const views = sqlFiles('views')
    .map(({ sql }) => sql)
    .join('\n');
  parts ??= [
    ...sqlFiles('migrations').map(({ name, sql }) => ({ name, digest: sha256(sql), apply: run(sql), once: true })),
    { name: 'kept', digest: sha256(keptText()), apply: keepAllPlans, once: false },
    { name: 'views', digest: sha256(views), apply: run(views), once: false },
  ];
  return parts;
}
