import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { withDatabase } from '../../results/database.ts';
import { runQuery } from '../../results/query.ts';
import { type SavedParameter, savedQueries } from '../../results/saved.ts';
import { temporaryHome } from '../store/support.ts';

const page = new URL('../../../docs/results.md', import.meta.url);

interface Described {
  name: string;
  view: boolean;
  comment: string | null;
  columns: { name: string; type: string; comment: string | null }[];
}

/** Every table and view, with what the database itself says of them. */
async function describeAll(home: string): Promise<Described[]> {
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
  return relations.map(([name, view, comment]) => ({
    name: String(name),
    view: view === true,
    comment: comment as string | null,
    columns: columns
      .filter(([table]) => table === name)
      .map(([, column, type, said]) => ({ name: String(column), type: String(type), comment: said as string | null })),
  }));
}

test('every table, view and column says what it is', async (t) => {
  const home = await temporaryHome(t);
  await withDatabase(home, 'write', async () => {});
  const all = await describeAll(home);
  assert.ok(all.length > 20);
  for (const { name, comment, columns } of all) {
    assert.match(comment ?? '', /^[A-Z].*\.$/, name);
    for (const column of columns) assert.match(column.comment ?? '', /\w.*\.$/, `${name}.${column.name}`);
  }
});

test('docs/results.md lists the tables, views and saved queries as they are (UPDATE_GOLDEN=1 writes it anew)', async (t) => {
  const home = await temporaryHome(t);
  await withDatabase(home, 'write', async () => {});
  const all = await describeAll(home);
  const sections: Record<string, string> = {
    tables: all
      .filter(({ view }) => !view)
      .map(relationSection)
      .join('\n'),
    views: all
      .filter(({ view }) => view)
      .map(relationSection)
      .join('\n'),
    queries: savedQueries().map(querySection).join('\n'),
  };
  let text = await readFile(page, 'utf8');
  let current = text;
  for (const [name, section] of Object.entries(sections)) {
    const block = new RegExp(`<!-- ${name} -->\n[\\s\\S]*?<!-- end of ${name} -->`);
    assert.match(text, block);
    current = current.replace(block, () => `<!-- ${name} -->\n${section}\n<!-- end of ${name} -->`);
  }
  if (process.env.UPDATE_GOLDEN) {
    await writeFile(page, current);
    text = current;
  }
  assert.equal(text, current);
});

function relationSection({ name, comment, columns }: Described): string {
  const rows = columns.map((column) => `| \`${column.name}\` | ${column.type} | ${column.comment} |\n`);
  return `### ${name}\n${comment}\n\n| column | type | |\n|---|---|---|\n${rows.join('')}`;
}

function querySection({ name, description, parameters }: ReturnType<typeof savedQueries>[number]): string {
  const rows = parameters.map(
    (parameter) => `| \`${parameter.name}\` | ${typeOf(parameter)} | ${parameter.description} |\n`,
  );
  return `### ${name}\n${description}\n\n| parameter | type | |\n|---|---|---|\n${rows.join('')}`;
}

function typeOf({ type, default: preset }: SavedParameter): string {
  if (preset === undefined) return `${type}, required`;
  return preset === null ? type : `${type}, default ${preset}`;
}
