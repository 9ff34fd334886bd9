import { type DuckDBConnection, LIST, listValue, VARCHAR } from '@duckdb/node-api';
import { canonicalJson } from '../planner/key.ts';
import { marksOf } from '../planner/marks.ts';
import type { Plan, PlanNode } from '../planner/plan.ts';
import { allFlops, priceOf } from '../planner/price.ts';
import { runsAlone } from '../planner/sharing.ts';
import { appendRows, type Cell } from './append.ts';
import { ingredientsOf } from './ingredients.ts';
import { keepPlan } from './kept.ts';
import { updateWideView } from './wide.ts';

/**
 * Puts a plan into the tables: the lineage, its axes, its nodes with their edges, addresses, axes' values, settings, gates,
 * prices and data. Recording it again only renews `last_recorded`, which makes it the current version of its lineage.
 * `connection` comes from `withDatabase(home, 'write', ...)`, which makes it one transaction.
 */
export async function recordLineage(connection: DuckDBConnection, plan: Plan, digest: string): Promise<void> {
  const known = await connection.runAndReadAll('FROM lineages WHERE plan = $plan', { plan: digest });
  if (known.currentRowCount > 0) {
    await connection.run('UPDATE lineages SET last_recorded = now() WHERE plan = $plan', { plan: digest });
  } else {
    await connection.run('INSERT INTO lineages VALUES ($plan, $lineage, $title, $file, $nodes, now(), now())', {
      plan: digest,
      lineage: plan.lineage,
      title: plan.title,
      file: plan.file,
      nodes: plan.nodes.length,
    });
    await recordAxes(connection, plan, digest);
    await recordNodes(connection, plan.nodes);
    await recordAddresses(connection, plan, digest);
    await recordPrices(connection, plan, digest);
    await keepPlan(connection, digest);
  }
  await updateWideView(connection);
}

/**
 * Puts nodes into `nodes`, `edges` and `mixtures`, but for those that are there: a key says all of a node, except which
 * trunk it goes on from, which is as the newest plan has it, and what its data sets are called. An accepted artifact, of
 * which only the pre-image is known, gives way to the node that declares just that, whichever comes first.
 */
export async function recordNodes(connection: DuckDBConnection, nodes: readonly PlanNode[]): Promise<void> {
  const declared = nodes.filter(({ accepted }) => !accepted);
  const nameless = await removeNameless(connection, declared);
  const seen = await recordedAmong(connection, nodes);
  const fresh = [...declared, ...nodes.filter(({ accepted }) => accepted)].filter(({ key }) => {
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
  await appendRows(
    connection,
    'nodes',
    each(fresh, (node) => [identity(node)]),
  );
  await appendRows(connection, 'edges', each(fresh, edges));
  await appendRows(connection, 'mixtures', each(fresh, mixture));
  const added = new Set(fresh.map(({ key }) => key));
  for (const { key, parents } of declared) {
    if (parents.trunk === undefined || added.has(key)) continue;
    await connection.run("INSERT OR REPLACE INTO edges VALUES ($child, 'trunk', $parent)", {
      child: key,
      parent: parents.trunk,
    });
  }
  await keepPlansOf(connection, nameless);
}

/** Fills the kept tables anew for the plans that have some nodes. */
async function keepPlansOf(connection: DuckDBConnection, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  const plans = await connection.runAndReadAll(
    'SELECT DISTINCT plan FROM lineage_nodes SEMI JOIN (SELECT unnest($keys) AS key) USING (key)',
    { keys: listValue([...keys]) },
    { keys: LIST(VARCHAR) },
  );
  for (const [plan] of plans.getRows()) await keepPlan(connection, String(plan));
}

/** Removes those of some nodes that are there as accepted artifacts, whose data sets have no names; gives their keys. */
async function removeNameless(connection: DuckDBConnection, nodes: readonly PlanNode[]): Promise<string[]> {
  const found = await connection.runAndReadAll('SELECT DISTINCT key FROM mixtures WHERE dataset IS NULL');
  const nameless = new Set(found.getRows().map(([key]) => String(key)));
  const keys = nodes.map(({ key }) => key).filter((key) => nameless.has(key));
  if (keys.length === 0) return [];
  for (const rows of ['nodes WHERE key', 'edges WHERE child', 'mixtures WHERE key'])
    await connection.run(
      `DELETE FROM ${rows} IN (SELECT unnest($keys))`,
      { keys: listValue(keys) },
      { keys: LIST(VARCHAR) },
    );
  return keys;
}

/** The keys of those nodes that are recorded. */
async function recordedAmong(connection: DuckDBConnection, nodes: readonly PlanNode[]): Promise<Set<string>> {
  const found = await connection.runAndReadAll(
    'SELECT key FROM nodes SEMI JOIN (SELECT unnest($keys) AS key) USING (key)',
    { keys: listValue(nodes.map(({ key }) => key)) },
    { keys: LIST(VARCHAR) },
  );
  return new Set(found.getRows().map(([key]) => String(key)));
}

async function recordAxes(connection: DuckDBConnection, plan: Plan, digest: string): Promise<void> {
  const rows = each(Object.entries(plan.axes), ([axis, { values, replicate }]) =>
    values.map((value, place) => [digest, axis, place, String(value), numberOrNull(value), replicate]),
  );
  await appendRows(connection, 'axes', rows);
}

async function recordAddresses(connection: DuckDBConnection, { nodes }: Plan, digest: string): Promise<void> {
  const addresses = each(nodes.entries(), ([place, { key, address, stage, type }]) => [
    [digest, place, key, address, stage, type],
  ]);
  await appendRows(connection, 'lineage_nodes', addresses);
  const axes = each(nodes, ({ address, axes }) =>
    Object.entries(axes).map(([axis, value]) => [digest, address, axis, String(value), numberOrNull(value)]),
  );
  await appendRows(connection, 'node_axes', axes);
  const settings = each(nodes, ({ address, settings }) =>
    Object.entries(settings).map(([name, value]) => {
      const shown = value === null ? null : String(value);
      return [digest, address, name, kindOf(value), shown, numberOrNull(value)];
    }),
  );
  await appendRows(connection, 'settings', settings);
  const waiting = each(nodes, ({ address, gates = {} }) =>
    Object.entries(gates).map(([role, gate]) => [digest, address, role, gate]),
  );
  await appendRows(connection, 'gates', waiting);
  const marked = each(marksOf(nodes), ([address, marks]) => marks.map((mark, place) => [digest, address, place, mark]));
  await appendRows(connection, 'marks', marked);
}

async function recordPrices(connection: DuckDBConnection, plan: Plan, digest: string): Promise<void> {
  const runs = new Map(runsAlone(plan).map((each) => [each.node.key, each.runs]));
  const prices = each(plan.nodes, (node) => {
    const price = priceOf(node);
    return [[digest, node.address, price.tokens.trained, allFlops(price), price.exact, runs.get(node.key) ?? null]];
  });
  await appendRows(connection, 'prices', prices);
}

/** The rows of each thing, made as they are asked for: all rows of a large plan at once are much for a collector of garbage. */
function* each<T>(things: Iterable<T>, rowsOf: (thing: T) => Cell[][]): Generator<Cell[]> {
  for (const thing of things) yield* rowsOf(thing);
}

/** A node's row in the table `nodes`. */
function identity(node: PlanNode): Cell[] {
  const shape = node.architecture;
  const columns = ['layers', 'hidden', 'heads', 'kvHeads', 'ffn', 'vocab', 'context'] as const;
  return [
    node.key,
    node.type,
    node.seed,
    canonicalJson(node.preimage),
    ...columns.map((column) => shape?.[column] ?? null),
  ];
}

function edges(node: PlanNode): Cell[][] {
  return Object.entries(ingredientsOf(node).parents).map(([role, parent]) => [node.key, role, parent]);
}

/** One row a data set that the node's recipe names; columns as in the table `mixtures`. */
function mixture(node: PlanNode): Cell[][] {
  const { sets } = ingredientsOf(node);
  const total = sets.reduce((sum, { sequences }) => sum + (sequences ?? 0), 0);
  return sets.map(({ name, part, source, sequences }, place) => [
    node.key,
    place,
    name,
    part,
    'generator' in source ? source.generator : null,
    canonicalJson(source),
    sequences ?? null,
    sequences === undefined ? null : sequences / total,
  ]);
}

function kindOf(value: string | number | boolean | null): string {
  if (value === null) return 'null';
  return typeof value === 'string' ? 'text' : typeof value;
}

function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}
