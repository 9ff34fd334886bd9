import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withDatabase } from '../results/database.ts';
import { runQuery } from '../results/query.ts';
import { type SavedParameter, type SavedQuery, savedQueries } from '../results/saved.ts';
import { code, page, table } from './markdown.ts';

/** A table or a view, with what the database itself says of it. */
export interface Relation {
  name: string;
  isView: boolean;
  comment: string;
  columns: { name: string; type: string; comment: string }[];
}

/** The page of every saved query, view and table of the results, from an empty database. */
export async function resultsPage(): Promise<string> {
  const relations = await describeResults();
  const told = (isView: boolean) => relations.filter((relation) => relation.isView === isView).map(tellRelation);
  const intro =
    'What the SQL of `descent query` finds in `results.duckdb`. [Results](../results.md) tells how it comes there, and has `lineage_wide`, whose columns depend on what was run.';
  return page('Results, table by table', intro, [
    '## Saved queries\n\n`descent query NAME --param NAME=VALUE`.',
    ...savedQueries().map(tellQuery),
    '## Views',
    ...told(true),
    '## Tables',
    ...told(false),
  ]);
}

/** Every table and view of a new database, tables first, by name. */
export async function describeResults(): Promise<Relation[]> {
  const home = await mkdtemp(join(tmpdir(), 'descent-reference-'));
  try {
    await withDatabase(home, 'write', async () => {});
    const { rows: relations } = await runQuery(
      home,
      `SELECT table_name, false, comment FROM duckdb_tables() WHERE NOT internal AND database_name = current_database()
       UNION ALL SELECT view_name, true, comment FROM duckdb_views() WHERE NOT internal AND database_name = current_database()
       ORDER BY 2, 1`,
    );
    const { rows: columns } = await runQuery(
      home,
      'SELECT table_name, column_name, data_type, comment FROM duckdb_columns() WHERE NOT internal ORDER BY table_name, column_index',
    );
    return relations.map(([name, isView, comment]) => ({
      name: String(name),
      isView: isView === true,
      comment: String(comment ?? ''),
      columns: columns
        .filter(([relation]) => relation === name)
        .map(([, column, type, says]) => ({ name: String(column), type: String(type), comment: String(says ?? '') })),
    }));
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

function tellRelation({ name, comment, columns }: Relation): string {
  return `### ${name}\n\n${comment}\n\n${table(
    ['column', 'type', ''],
    columns.map((column) => [code(column.name), column.type, column.comment]),
  )}`;
}

function tellQuery({ name, description, parameters }: SavedQuery): string {
  const rows = parameters.map((parameter) => [
    code(parameter.name),
    parameter.type,
    defaultOf(parameter),
    parameter.description,
  ]);
  return `### ${name}\n\n${description}${rows.length === 0 ? '' : `\n\n${table(['parameter', 'type', 'default', ''], rows)}`}`;
}

function defaultOf({ default: preset }: SavedParameter): string {
  if (preset === undefined) return 'required';
  return preset === null ? '' : code(preset);
}
