import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { DuckDBConnection } from '@duckdb/node-api';
import { databasePath } from '../../store/home.ts';
import { appendRows, type Cell } from '../append.ts';
import { type DatabaseOptions, withDatabase } from '../database.ts';
import { DatabaseBusyError } from '../errors.ts';
import type { Answer } from './ask.ts';
import { readingsOf } from './question.ts';
import type { PartVerdict } from './verdict.ts';

/**
 * Keeps verdicts where `results.duckdb` can be written to within so many seconds (default: as `withDatabase`) and the disk
 * is not full, and gives whether it could: they are an answer without that too, and the view `takeaways` calls stale what is
 * kept of before. Where the same are kept already nothing is written, so that whoever remembers answers of these results
 * need not ask anew.
 */
export async function keepVerdicts(
  home: string,
  answer: Answer,
  { patienceSeconds }: Pick<DatabaseOptions, 'patienceSeconds'> = {},
): Promise<boolean> {
  try {
    const path = databasePath(home);
    await Promise.all([access(path, constants.W_OK), access(dirname(path), constants.W_OK)]);
  } catch {
    return false; // somebody else's home, or one on a disk that is read-only
  }
  const rows = rowsOf(answer);
  try {
    const isNews = await withDatabase(
      home,
      'read',
      async (connection) => (await isCurrent(connection, answer)) && !(await isKept(connection, answer, rows)),
      { patienceSeconds },
    );
    if (isNews)
      await withDatabase(home, 'write', (connection) => record(connection, answer, rows), { patienceSeconds });
    return true;
  } catch (error) {
    if (error instanceof DatabaseBusyError || isFull(error)) return false;
    throw error;
  }
}

function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException | null)?.code ?? '');
}

/** Rows of the tables of verdicts, by the tables' names. */
type Rows = Readonly<Record<'verdicts' | 'verdict_evidence', Cell[][]>>;

/**
 * Puts verdicts into the tables, in place of those of the same lineage and source, with the evaluations that they are from:
 * the view `takeaways` calls them stale once one of these changes. Verdicts of a plan that is not the lineage's current one
 * are not kept, and neither are those of a lineage that was never recorded. `connection` is a writer's.
 */
async function record(connection: DuckDBConnection, answer: Answer, rows: Rows): Promise<void> {
  if (!(await isCurrent(connection, answer))) return;
  const { lineage, source } = answer.asked;
  for (const [table, own] of Object.entries(rows)) {
    await connection.run(`DELETE FROM ${table} WHERE lineage = $lineage AND source = $source`, { lineage, source });
    await appendRows(connection, table, own);
  }
}

async function isCurrent(connection: DuckDBConnection, { asked: { lineage, plan } }: Answer): Promise<boolean> {
  const current = await connection.runAndReadAll('FROM latest_lineages WHERE lineage = $lineage AND plan = $plan', {
    lineage,
    plan,
  });
  return current.currentRowCount > 0;
}

/** Whether these very rows are what the tables have of the lineage and source. */
async function isKept(
  connection: DuckDBConnection,
  { asked: { lineage, source } }: Answer,
  rows: Rows,
): Promise<boolean> {
  for (const [table, own] of Object.entries(rows)) {
    const kept = await connection.runAndReadAll(`FROM ${table} WHERE lineage = $lineage AND source = $source`, {
      lineage,
      source,
    });
    if (!isDeepStrictEqual(inOrder(kept.getRows()), inOrder(own))) return false;
  }
  return true;
}

/** Rows as texts, whichever way they came; DuckDB has whole numbers of 64 bits. */
function inOrder(rows: readonly (readonly unknown[])[]): string[] {
  return rows.map((row) => JSON.stringify(row.map((cell) => (typeof cell === 'bigint' ? Number(cell) : cell)))).sort();
}

function rowsOf({ asked: { lineage, plan, source }, verdicts, questions, evidence: { seen } }: Answer): Rows {
  const told = verdicts.flatMap(({ number, name, claim, verdict, alpha, correction, parts, warnings, missing }) => {
    const asked = parts.length > 0 ? parts : [nothingAsked];
    return asked.map((part, index): Cell[] => [
      lineage,
      source,
      plan,
      number,
      name,
      claim,
      verdict,
      parts.length > 0 ? index + 1 : 0,
      part.name,
      part.claimed,
      part.verdict,
      part.effectOf,
      part.effect,
      part.low,
      part.high,
      part.test,
      part.p,
      part.pCorrected,
      alpha,
      correction,
      part.seeds,
      part.pairs,
      part.problems,
      [...part.said, ...warnings, ...missing].join('; '),
    ]);
  });
  const read = questions.flatMap(({ number, parts }) => {
    const keys = parts
      .flatMap(({ points }) => points.flatMap(readingsOf))
      .flatMap(({ evaluation }) => evaluation ?? []);
    return [...new Set(keys)].map((key): Cell[] => {
      const found = seen.get(key);
      return [lineage, source, number, key, found?.attempt ?? null, found?.finished ?? null];
    });
  });
  return { verdicts: told, verdict_evidence: read };
}

/** Stands for the parts of a claim of which none could be asked. */
const nothingAsked: PartVerdict = {
  name: '',
  metric: '',
  claimed: '',
  verdict: 'not asked',
  effectOf: 'difference',
  effect: null,
  low: null,
  high: null,
  test: 'none',
  points: 'neither',
  p: null,
  pCorrected: null,
  seeds: 0,
  pairs: 0,
  problems: null,
  said: [],
};
