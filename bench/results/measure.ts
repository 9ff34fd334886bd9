import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readPublication } from '../../cli/import.ts';
import { planDigest } from '../../planner/key.ts';
import type { PlanNode } from '../../planner/plan.ts';
import { withDatabase } from '../../results/database.ts';
import { recordImport } from '../../results/imports.ts';
import { ingestAttempts } from '../../results/ingest.ts';
import { publications } from '../../results/publications.ts';
import { runQuery } from '../../results/query.ts';
import { batchesOf } from '../../results/rebuild.ts';
import { recordLineage } from '../../results/record.ts';
import { savedQueries } from '../../results/saved.ts';
import type { IngestInput } from '../../results/staging.ts';
import { answerOf, gatherPaper } from '../../results/verdicts/ask.ts';
import { paperTakeaways } from '../../results/verdicts/paper.ts';
import { isModel, leaveRun, madeLineage } from './made.ts';

/** What putting runs into the results took. */
export interface Ingesting {
  /** Models that were trained. */
  models: number;
  rows: number;
  /** Of recording plans, and of reading what was left at their nodes. */
  plans: Took;
  runs: Took;
}

/** What something took. On a machine that others use as well, processor time tells more than the clock does. */
export interface Took {
  seconds: number;
  cpuSeconds: number;
}

/** Takes in the results of the paper, which its tables and figures are asked of. */
export async function takePaper(home: string): Promise<void> {
  for (const publication of publications) {
    const imported = await readPublication(publication);
    await withDatabase(home, 'write', (connection) => recordImport(connection, imported));
  }
}

/** Makes lineages and reads them into the results of a home; making their files is no part of the time. */
export async function ingest(home: string, lineages: number, rates: number): Promise<Ingesting> {
  const sum: Ingesting = { models: 0, rows: 0, plans: nothing, runs: nothing };
  for (let nth = 0; nth < lineages; nth += 1) {
    const plan = await madeLineage(nth, lineages, rates);
    sum.models += plan.nodes.filter(isModel).length;
    const digest = planDigest(plan);
    sum.plans = await andBefore(sum.plans, () =>
      withDatabase(home, 'write', (connection) => recordLineage(connection, plan, digest)),
    );
    await ingestRuns(home, [...new Map(plan.nodes.map((node) => [node.key, node])).values()], sum);
    process.stderr.write(`${plan.lineage}: ${sum.rows.toLocaleString('en')} rows\n`);
  }
  return sum;
}

async function ingestRuns(home: string, nodes: readonly PlanNode[], sum: Ingesting): Promise<void> {
  const folder = join(home, 'runs');
  const inputs: IngestInput[] = [];
  for (const node of nodes) inputs.push(await leaveRun(folder, node));
  sum.runs = await andBefore(sum.runs, async () => {
    for (const batch of batchesOf(inputs)) {
      const ingested = await withDatabase(home, 'write', (connection) => ingestAttempts(connection, batch));
      sum.rows += ingested.metrics + ingested.evaluations + ingested.samples;
    }
  });
  await rm(folder, { recursive: true });
}

/** What was asked, and how long it took. */
export interface Asked {
  kind: 'saved query' | 'view' | 'takeaway';
  name: string;
  rows: number;
  /** Each time, opening the file included. */
  took: Took[];
}

/** Rows of a view that are taken, as a person or a notebook looks at one. */
export const viewRows = 1000;

/**
 * Asks every saved query, every view and every takeaway of a lineage, several times; the paper's tables and figures are
 * asked of the paper, which stands beside what was made up.
 */
export async function askAll(home: string, lineage: string, times: number): Promise<Asked[]> {
  const asked: Asked[] = [];
  for (const { name, parameters } of savedQueries()) {
    const free = parameters.some((parameter) => parameter.name === 'lineage' && parameter.default === null);
    const given = free ? { lineage } : {};
    asked.push(await ask('saved query', name, times, () => rowsOf(home, name, given)));
  }
  for (const [view, narrowed] of await viewsOf(home)) {
    const where = narrowed ? 'WHERE lineage = $lineage' : '';
    const sql = `SELECT * FROM ${view} ${where} LIMIT ${viewRows}`;
    asked.push(await ask('view', view, times, () => rowsOf(home, sql, narrowed ? { lineage } : {})));
  }
  for (const { name, sql } of paperTakeaways())
    asked.push(await ask('takeaway', name, times, () => rowsOf(home, sql, { lineage })));
  const { rows } = await runQuery(home, 'SELECT plan FROM latest_lineages WHERE lineage = $lineage', { lineage });
  const plan = String(rows[0]?.[0]);
  asked.push(
    await ask('takeaway', 'all twelve, decided', times, async () => {
      const gathered = await withDatabase(home, 'read', (connection) => gatherPaper(connection, lineage, plan));
      return answerOf(gathered).verdicts.length;
    }),
  );
  return asked;
}

async function rowsOf(home: string, sql: string, parameters: Record<string, string>): Promise<number> {
  const { rows } = await runQuery(home, sql, parameters);
  return rows.length;
}

async function viewsOf(home: string): Promise<[name: string, hasLineage: boolean][]> {
  const { rows } = await runQuery(
    home,
    `SELECT view_name, bool_or(column_name = 'lineage') FROM duckdb_views() AS v
     JOIN duckdb_columns() AS c ON c.table_name = v.view_name WHERE NOT v.internal GROUP BY view_name ORDER BY view_name`,
  );
  return rows.map(([name, has]) => [String(name), has === true]);
}

async function ask(kind: Asked['kind'], name: string, times: number, question: () => Promise<number>): Promise<Asked> {
  const took: Took[] = [];
  let rows = 0;
  for (let time = 0; time < times; time += 1)
    took.push(
      await andBefore(nothing, async () => {
        rows = await question();
      }),
    );
  return { kind, name, rows, took };
}

const nothing: Took = { seconds: 0, cpuSeconds: 0 };

/** What some work takes, added to what was taken before it. */
async function andBefore(before: Took, work: () => Promise<unknown>): Promise<Took> {
  const [begun, cpu] = [performance.now(), process.cpuUsage()];
  await work();
  const seconds = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { seconds: before.seconds + seconds, cpuSeconds: before.cpuSeconds + (user + system) / 1e6 };
}
