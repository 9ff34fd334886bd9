import type { DuckDBConnection } from '@duckdb/node-api';
import { type DatabaseOptions, withDatabase } from './database.ts';
import { quoted } from './sql.ts';

/** What a row is of: an attempt at a node, a node as its key says it, or a plan. */
export type RowOwner =
  | { kind: 'attempt'; key: string; attempt: number; address: string | null }
  | { kind: 'node'; key: string; address: string | null }
  | { kind: 'plan'; plan: string; lineage: string | null };

/** In what a table differs from the store, of one owner. */
export interface TableDifference {
  table: string;
  of: RowOwner;
  /** Rows that the store says, and the table lacks. */
  missing: number;
  /** Rows that the table has, and the store does not say, or says once less. */
  extra: number;
  /** Rows that stand for the same, a step's metric for example, with other values. */
  changed: number;
}

/** How `results.duckdb` and a rebuild from the store alone compare. */
export interface Comparison {
  /** By table, the rows of the rebuild that were compared. */
  rows: Record<string, number>;
  /** Finished attempts that were compared. */
  attempts: number;
  /** Attempts that are not finished, which the results may have as of any moment: not compared. */
  unfinished: number;
  differences: TableDifference[];
  /** What the store has no more, or never had: rows of it by owner, of all tables together. */
  onlyInResults: { of: RowOwner; rows: number }[];
}

/**
 * A table: whose rows they are, what tells one row of an owner from another, and what is not compared, because the store
 * does not say it. Times of recording are of the recording. Under which name a data set goes, and which trunk a node goes on
 * from, is no part of a node: where plans differ in it, the tables have what was recorded at its time. Which attempt is the
 * latest is a matter of the others, of which the store may have fewer.
 */
interface ComparedTable {
  table: string;
  kind: RowOwner['kind'];
  /** The columns that name the owner. */
  owner: readonly string[];
  identity: readonly string[];
  except?: readonly string[];
  where?: string;
}

const ofPlan = { kind: 'plan', owner: ['plan'] } as const;
const ofNode = { kind: 'node', owner: ['key'] } as const;
const ofAttempt = { kind: 'attempt', owner: ['key', 'attempt'] } as const;

/** Every table but `schema_versions`, which says of the file how it was made, and those of verdicts, which are found anew when they are asked for. */
export const comparedTables: readonly ComparedTable[] = [
  { table: 'lineages', ...ofPlan, identity: [], except: ['first_recorded', 'last_recorded'] },
  { table: 'axes', ...ofPlan, identity: ['axis', 'place'] },
  { table: 'lineage_nodes', ...ofPlan, identity: ['place'] },
  { table: 'node_axes', ...ofPlan, identity: ['address', 'axis'] },
  { table: 'settings', ...ofPlan, identity: ['address', 'name'] },
  { table: 'prices', ...ofPlan, identity: ['address'] },
  { table: 'marks', ...ofPlan, identity: ['address', 'place'] },
  { table: 'gates', ...ofPlan, identity: ['address', 'role', 'gate'] },
  { table: 'published_figures', ...ofPlan, identity: ['place'] },
  { table: 'chains', ...ofPlan, identity: ['address', 'depth'] },
  { table: 'recipes', ...ofPlan, identity: ['address'] },
  { table: 'asked', ...ofPlan, identity: ['place', 'evaluation'] },
  { table: 'nodes', ...ofNode, identity: [] },
  { table: 'edges', ...ofNode, owner: ['child'], identity: ['role'], where: "role != 'trunk'" },
  { table: 'mixtures', ...ofNode, identity: ['part', 'source'], except: ['place', 'dataset'] },
  { table: 'attempts', ...ofAttempt, identity: [], except: ['latest'] },
  { table: 'executions', ...ofAttempt, identity: ['execution'] },
  { table: 'facts', ...ofAttempt, identity: ['name'] },
  { table: 'metrics', ...ofAttempt, identity: ['step', 'metric'] },
  { table: 'batches', ...ofAttempt, identity: ['step'] },
  { table: 'evaluations', ...ofAttempt, identity: ['suite', 'task', 'metric'] },
  { table: 'suites', ...ofAttempt, identity: ['suite'] },
  { table: 'samples', ...ofAttempt, identity: ['step', 'task', 'problem', 'sample'] },
  { table: 'overlap_counts', ...ofAttempt, identity: ['trained', 'against'] },
];

/**
 * Compares `results.duckdb`, table by table and both ways, with the file at `rebuilt`, which `rebuildResults` has made of
 * the store alone: `EXCEPT ALL`, so that a row that stands there twice shows. `keys` are the nodes whose attempts were
 * rebuilt, where these are not all; of attempts about `rowsAtOnce` rows are compared at once, because all of a large home
 * would not fit into memory. Opens both for reading. Throws as `withDatabase` does.
 */
export async function compareResults(
  home: string,
  rebuilt: string,
  {
    keys,
    rowsAtOnce = 2e6,
    ...options
  }: { keys?: ReadonlySet<string> | undefined; rowsAtOnce?: number } & Pick<DatabaseOptions, 'patienceSeconds'> = {},
): Promise<Comparison> {
  return withDatabase(
    home,
    'read',
    async (connection) => {
      const slices = await sliceAttempts(connection, rowsAtOnce);
      const rows: Record<string, number> = {};
      const differences: TableDifference[] = [];
      for (const table of comparedTables) {
        rows[table.table] = await countOf(connection, `FROM rebuilt.${table.table} AS t ${filterOf(table)}`);
        for (const slice of table.kind === 'attempt' ? slices : [undefined])
          differences.push(...(await differencesIn(connection, table, slice)));
      }
      return {
        rows,
        attempts: await countOf(connection, 'FROM finished'),
        unfinished: await countOf(connection, `FROM rebuilt.attempts WHERE NOT (${isFinished})`),
        differences,
        onlyInResults: await onlyInResults(connection, keys),
      };
    },
    { ...options, attached: { name: 'rebuilt', path: rebuilt } },
  );
}

/** What stays as it is: what has a manifest, and what was imported. */
const isFinished = "state IN ('done', 'imported')";

/** Puts the attempts that are finished in the rebuild into a temporary table, in slices, and gives these. */
async function sliceAttempts(connection: DuckDBConnection, rows: number): Promise<number[]> {
  await connection.run(`
    CREATE TEMP TABLE finished AS
    SELECT key, attempt, (sum(coalesce(rows, 0)) OVER (ORDER BY key, attempt) / ${rows})::INTEGER AS slice
    FROM rebuilt.attempts LEFT JOIN (
      SELECT key, attempt, count(*) AS rows
      FROM (SELECT key, attempt FROM rebuilt.metrics UNION ALL SELECT key, attempt FROM rebuilt.batches
        UNION ALL SELECT key, attempt FROM rebuilt.samples)
      GROUP BY key, attempt
    ) USING (key, attempt)
    WHERE ${isFinished}`);
  const slices = await connection.runAndReadAll('SELECT DISTINCT slice FROM finished ORDER BY slice');
  return slices.getRows().map(([slice]) => Number(slice));
}

/** What both sides are narrowed to: owners that the rebuild has, attempts that are finished there, of one slice or of all. */
function filterOf({ kind, owner, where }: ComparedTable, slice?: number): string {
  const [first] = owner;
  const known = {
    attempt: `SEMI JOIN (FROM finished${slice === undefined ? '' : ` WHERE slice = ${slice}`}) AS known USING (key, attempt)`,
    node: `SEMI JOIN rebuilt.nodes AS known ON known.key = t.${first}`,
    plan: 'SEMI JOIN rebuilt.lineages AS known ON known.plan = t.plan',
  };
  return `${known[kind]} ${where === undefined ? '' : `WHERE ${where}`}`;
}

async function differencesIn(
  connection: DuckDBConnection,
  table: ComparedTable,
  slice: number | undefined,
): Promise<TableDifference[]> {
  const columns = await columnsOf(connection, table);
  const side = (catalogue: string) =>
    `SELECT ${columns} FROM ${catalogue}${table.table} AS t ${filterOf(table, slice)}`;
  const [owner, identity] = [names(table.owner), names([...table.owner, ...table.identity])];
  const found = await connection.runAndReadAll(`
    WITH missing AS (${side('rebuilt.')} EXCEPT ALL ${side('')}),
    extra AS (${side('')} EXCEPT ALL ${side('rebuilt.')}),
    rows AS (
      SELECT ${identity}, sum(m) AS m, sum(e) AS e
      FROM (SELECT ${identity}, 1 AS m, 0 AS e FROM missing UNION ALL SELECT ${identity}, 0, 1 FROM extra)
      GROUP BY ${identity}
    ),
    owners AS (
      SELECT ${owner}, sum(m - least(m, e))::DOUBLE AS missing, sum(e - least(m, e))::DOUBLE AS extra,
        sum(least(m, e))::DOUBLE AS changed
      FROM rows GROUP BY ${owner}
    )
    SELECT ${ownerColumns(table.kind, table.owner)}, missing, extra, changed FROM owners AS o ORDER BY ALL`);
  return found.getRows().map(([first, second, third, missing, extra, changed]) => ({
    table: table.table,
    of: ownerOf(table.kind, [first, second, third]),
    missing: Number(missing),
    extra: Number(extra),
    changed: Number(changed),
  }));
}

/** Rows of owners that the rebuild does not have at all. */
async function onlyInResults(
  connection: DuckDBConnection,
  keys: ReadonlySet<string> | undefined,
): Promise<Comparison['onlyInResults']> {
  const found: Comparison['onlyInResults'] = [];
  const known = { attempt: 'rebuilt.attempts', node: 'rebuilt.nodes', plan: 'rebuilt.lineages' };
  for (const { kind, owner } of [ofPlan, ofNode, ofAttempt]) {
    const rows = comparedTables
      .filter((table) => table.kind === kind)
      .map(
        (table) =>
          `SELECT ${table.owner.map((column, at) => `${column} AS ${owner[at]}`).join(', ')} FROM ${table.table}`,
      );
    const asked =
      kind === 'attempt' && keys !== undefined ? `WHERE key IN (${[...keys].map(quoted).join(', ') || 'NULL'})` : '';
    const reader = await connection.runAndReadAll(`
      WITH owners AS (
        SELECT ${names(owner)}, count(*) AS rows FROM (${rows.join(' UNION ALL ')})
        ANTI JOIN ${known[kind]} USING (${names(owner)}) ${asked}
        GROUP BY ${names(owner)}
      )
      SELECT ${ownerColumns(kind, owner)}, rows::DOUBLE FROM owners AS o ORDER BY ALL`);
    for (const [first, second, third, count] of reader.getRows())
      found.push({ of: ownerOf(kind, [first, second, third]), rows: Number(count) });
  }
  return found;
}

/** Three columns: the owner, its attempt or null, and what people call it. */
function ownerColumns(kind: RowOwner['kind'], [first]: readonly string[]): string {
  switch (kind) {
    case 'plan':
      return `o.plan, NULL, coalesce(
        (SELECT any_value(lineage) FROM rebuilt.lineages AS l WHERE l.plan = o.plan),
        (SELECT any_value(lineage) FROM lineages AS l WHERE l.plan = o.plan))`;
    case 'node':
    case 'attempt':
      return `o.${first}, ${kind === 'node' ? 'NULL' : 'o.attempt'}, coalesce(
        (SELECT any_value(address) FROM rebuilt.lineage_nodes AS n WHERE n.key = o.${first}),
        (SELECT any_value(address) FROM lineage_nodes AS n WHERE n.key = o.${first}))`;
    default:
      return kind satisfies never;
  }
}

function ownerOf(kind: RowOwner['kind'], [id, attempt, name]: unknown[]): RowOwner {
  const called = name === null ? null : String(name);
  if (kind === 'plan') return { kind, plan: String(id), lineage: called };
  if (kind === 'node') return { kind, key: String(id), address: called };
  return { kind, key: String(id), attempt: Number(attempt), address: called };
}

/** The columns of a table that are compared, in the order of the rebuild, which both have. */
async function columnsOf(connection: DuckDBConnection, { table, except = [] }: ComparedTable): Promise<string> {
  const found = await connection.runAndReadAll(`
    SELECT column_name FROM duckdb_columns()
    WHERE database_name = 'rebuilt' AND table_name = ${quoted(table)} ORDER BY column_index`);
  const columns = found.getRows().map(([name]) => String(name));
  return names(columns.filter((name) => !except.includes(name)));
}

async function countOf(connection: DuckDBConnection, from: string): Promise<number> {
  const found = await connection.runAndReadAll(`SELECT count(*)::DOUBLE ${from}`);
  return Number(found.getRows()[0]?.[0]);
}

function names(columns: readonly string[]): string {
  return columns.map((column) => `"${column}"`).join(', ');
}
