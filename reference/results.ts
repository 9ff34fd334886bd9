import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withDatabase } from '../results/database.ts';
import { type Relation, relationsOf } from '../results/relations.ts';
import { type SavedParameter, type SavedQuery, savedQueries } from '../results/saved.ts';
import { code, page, table } from './markdown.ts';

/** The page of every saved query, view and table of the results, from an empty database. */
export async function resultsPage(): Promise<string> {
  const relations = await describeResults();
  const told = (kind: Relation['kind']) => relations.filter((relation) => relation.kind === kind).map(tellRelation);
  const intro =
    'What the SQL of `descent query` finds in `results.duckdb`. [Results](../results.md) tells how it comes there, and has `lineage_wide`, whose columns depend on what was run.';
  return page('Results, table by table', intro, [
    '## Saved queries\n\n`descent query NAME --param NAME=VALUE`.',
    ...savedQueries().map(tellQuery),
    '## Views',
    ...told('view'),
    '## Tables',
    ...told('table'),
  ]);
}

/** Every table and view of a new database, by name. */
export async function describeResults(): Promise<Relation[]> {
  const home = await mkdtemp(join(tmpdir(), 'descent-reference-'));
  try {
    await withDatabase(home, 'write', async () => {});
    return await withDatabase(home, 'read', relationsOf);
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
