import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DuckDBConnection, LIST, listValue, VARCHAR } from '@duckdb/node-api';
import { canonicalJson, sha256 } from '../planner/key.ts';
import type { Json, Plan, PlanNode } from '../planner/plan.ts';
import { importsFolder } from '../store/home.ts';
import { writeWhole } from '../store/write.ts';
import { appendRows, type Cell } from './append.ts';
import { ResultsError } from './errors.ts';
import { suitesOf, withGuesses } from './ingest.ts';
import { keptTables } from './kept.ts';
import type { PublishedFigure } from './publications.ts';
import { recordLineage } from './record.ts';
import { updateWideView } from './wide.ts';

/** What was imported of a publication: all that the results have of it, so that they can be rebuilt from it alone. */
export interface Import {
  /** The publication's name. */
  publication: string;
  /** When it came out, ISO 8601. */
  date: string;
  /** Its models and what they are asked; its lineage is `published/<name>`. */
  plan: Plan;
  /** What is known of models beside their recipes, by address. */
  facts: { [address: string]: { [name: string]: string | number } };
  figures: PublishedFigure[];
}

/** Notes in the home what was imported, as `imports/<publication>.json`; gives whether that is new or other than before. */
export async function writeImport(home: string, imported: Import): Promise<boolean> {
  const content = canonicalJson(imported as unknown as Json);
  const text = `${canonicalJson({ digest: sha256(content), import: imported as unknown as Json })}\n`;
  const path = importPath(home, imported.publication);
  if (existsSync(path) && (await readFile(path, 'utf8')) === text) return false;
  await writeWhole(path, text);
  return true;
}

/** The names of the publications that were imported into a home, sorted. */
export async function importedNames(home: string): Promise<string[]> {
  const folder = importsFolder(home);
  const names = existsSync(folder) ? await readdir(folder) : [];
  return names
    .filter((name) => /^[a-z0-9-]+\.json$/.test(name))
    .map((name) => name.slice(0, -'.json'.length))
    .sort();
}

/** What was imported of a publication. Throws a ResultsError where its file no longer hashes to its digest. */
export async function readImport(home: string, name: string): Promise<Import> {
  const path = importPath(home, name);
  const damaged = (cause?: unknown) =>
    new ResultsError(`${path} is damaged: import it again with \`descent import published/${name}\``, { cause });
  try {
    const { digest, import: imported } = JSON.parse(await readFile(path, 'utf8')) as { digest: string; import: Import };
    if (sha256(canonicalJson(imported as unknown as Json)) === digest) return imported;
  } catch (error) {
    throw damaged(error);
  }
  throw damaged();
}

function importPath(home: string, name: string): string {
  return join(importsFolder(home), `${name}.json`);
}

/**
 * Puts what was imported into the tables, in place of an earlier import of the same publication: its lineage, what is known
 * of its models, of each model, suite, task and metric the figure that stands in `evaluations`, and all of them in
 * `published_figures`. `connection` comes from `withDatabase(home, 'write', ...)`, which makes it one transaction.
 */
export async function recordImport(connection: DuckDBConnection, imported: Import): Promise<void> {
  const { plan, facts, date } = imported;
  const digest = sha256(canonicalJson(plan as unknown as Json));
  await forgetLineage(connection, plan.lineage);
  await recordLineage(connection, plan, digest);
  await connection.run(
    'UPDATE lineages SET first_recorded = $date::TIMESTAMPTZ, last_recorded = $date::TIMESTAMPTZ WHERE plan = $plan',
    { date, plan: digest },
  );
  const nodes = new Map(plan.nodes.map((node) => [node.address, node]));
  const figures = standing(imported.figures);
  const evaluations = figures.flatMap(({ figure, stands }) => {
    const { address, suite, task, metric, value } = figure;
    return stands ? [{ node: nodeAt(nodes, `${address}/${suite}`), row: [suite, task, metric, value] as Cell[] }] : [];
  });
  const known = Object.entries(facts).map(([address, of]) => ({ node: nodeAt(nodes, address), of }));
  await recordAttempts(
    connection,
    [...evaluations, ...known].map(({ node }) => node),
  );
  await connection.run('CREATE OR REPLACE TEMP TABLE imported AS FROM evaluations LIMIT 0');
  await appendRows(
    connection,
    'imported',
    evaluations.map(({ node, row }) => [node.key, onlyAttempt, ...row, null, null, null, null, null, false]),
  );
  const rows = 'SELECT 0 AS source, rowid AS line, * EXCLUDE (chance, majority, only_task) FROM imported';
  await connection.run(`INSERT INTO evaluations ${withGuesses(rows)}`);
  await connection.run(`INSERT INTO suites ${suitesOf('imported')}`);
  await appendRows(
    connection,
    'facts',
    known.flatMap(({ node, of }) =>
      Object.entries(of).map(([name, value]) => {
        const isNumber = typeof value === 'number';
        return [node.key, onlyAttempt, name, isNumber ? 'number' : 'text', String(value), isNumber ? value : null];
      }),
    ),
  );
  await appendRows(
    connection,
    'published_figures',
    figures.map(({ figure, stands }, place) => {
      const { source, reading, error, approximate, model, address, suite, task, metric, value, note } = figure;
      const read = [source, reading, error, approximate];
      return [digest, place, ...read, model, address, suite, task, metric, value, stands, note];
    }),
  );
  await updateWideView(connection);
}

/** What was imported was made once, as far as is known. */
const onlyAttempt = 1;

/** Which of the figures of the same thing stands for it: the first that is no rough reading, the printed ones before all. */
function standing(figures: readonly PublishedFigure[]): { figure: PublishedFigure; stands: boolean }[] {
  const best = new Map<string, PublishedFigure>();
  for (const figure of figures) {
    if (figure.address === null) continue;
    const same = identityOf(figure);
    const before = best.get(same);
    if (!before || roughness(figure) < roughness(before)) best.set(same, figure);
  }
  return figures.map((figure) => ({ figure, stands: best.get(identityOf(figure)) === figure }));
}

function identityOf({ address, suite, task, metric }: PublishedFigure): string {
  return [address, suite, task, metric].join(' ');
}

function roughness({ reading, approximate }: PublishedFigure): number {
  return (reading === 'printed' ? 0 : 1) + (approximate ? 2 : 0);
}

function nodeAt(nodes: ReadonlyMap<string, PlanNode>, address: string): PlanNode {
  const node = nodes.get(address);
  if (!node) throw new Error(`a published figure is of ${address}, which its lineage file does not have`);
  return node;
}

async function recordAttempts(connection: DuckDBConnection, nodes: readonly PlanNode[]): Promise<void> {
  const each = [...new Map(nodes.map((node) => [node.key, node])).values()];
  await connection.run(
    `INSERT INTO attempts (key, attempt, address, state, executions)
     SELECT unnest($keys), ${onlyAttempt}, unnest($addresses), 'imported', 0`,
    { keys: listValue(each.map(({ key }) => key)), addresses: listValue(each.map(({ address }) => address)) },
    { keys: LIST(VARCHAR), addresses: LIST(VARCHAR) },
  );
}

/** Removes all plans of a lineage and whatever only they have. */
async function forgetLineage(connection: DuckDBConnection, lineage: string): Promise<void> {
  const known = await connection.runAndReadAll('FROM lineages WHERE lineage = $lineage', { lineage });
  if (known.currentRowCount === 0) return;
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE forgotten_plans AS SELECT plan FROM lineages WHERE lineage = $lineage`,
    { lineage },
  );
  await connection.run(`
    CREATE OR REPLACE TEMP TABLE forgotten_nodes AS
    SELECT DISTINCT key FROM lineage_nodes SEMI JOIN forgotten_plans USING (plan)
    ANTI JOIN (FROM lineage_nodes ANTI JOIN forgotten_plans USING (plan)) AS others USING (key)`);
  for (const table of [
    'lineages',
    'axes',
    'lineage_nodes',
    'node_axes',
    'settings',
    'prices',
    'marks',
    'gates',
    'published_figures',
    ...keptTables(),
  ])
    await connection.run(`DELETE FROM ${table} WHERE plan IN (FROM forgotten_plans)`);
  for (const rows of [
    'nodes WHERE key',
    'mixtures WHERE key',
    'attempts WHERE key',
    'evaluations WHERE key',
    'suites WHERE key',
    'facts WHERE key',
    'edges WHERE child',
  ])
    await connection.run(`DELETE FROM ${rows} IN (FROM forgotten_nodes)`);
}
