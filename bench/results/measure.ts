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
  seconds: number;
  /** Of these, those of recording plans. */
  planSeconds: number;
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
  const sum = { models: 0, rows: 0, seconds: 0, planSeconds: 0 };
  for (let nth = 0; nth < lineages; nth += 1) {
    const plan = await madeLineage(nth, lineages, rates);
    sum.models += plan.nodes.filter(isModel).length;
    const digest = planDigest(plan);
    const planSeconds = await secondsOf(() =>
      withDatabase(home, 'write', (connection) => recordLineage(connection, plan, digest)),
    );
    sum.planSeconds += planSeconds;
    sum.seconds += planSeconds;
    await ingestRuns(home, [...new Map(plan.nodes.map((node) => [node.key, node])).values()], sum);
    process.stderr.write(`${plan.lineage}: ${sum.rows.toLocaleString('en')} rows\n`);
  }
  return sum;
}

async function ingestRuns(home: string, nodes: readonly PlanNode[], sum: Ingesting): Promise<void> {
  const folder = join(home, 'runs');
  const inputs: IngestInput[] = [];
  for (const node of nodes) inputs.push(await leaveRun(folder, node));
  sum.seconds += await secondsOf(async () => {
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
  /** Milliseconds of each time, opening the file included. */
  milliseconds: number[];
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
  const milliseconds: number[] = [];
  let rows = 0;
  for (let time = 0; time < times; time += 1) {
    const seconds = await secondsOf(async () => {
      rows = await question();
    });
    milliseconds.push(seconds * 1000);
  }
  return { kind, name, rows, milliseconds };
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
}
