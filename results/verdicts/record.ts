import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
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
 * kept of before.
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
  try {
    await withDatabase(home, 'write', (connection) => recordVerdicts(connection, answer), { patienceSeconds });
    return true;
  } catch (error) {
    if (error instanceof DatabaseBusyError || isFull(error)) return false;
    throw error;
  }
}

function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException | null)?.code ?? '');
}

/**
 * Puts verdicts into the tables, in place of those of the same lineage and source, with the evaluations that they are from:
 * the view `takeaways` calls them stale once one of these changes. Verdicts of a plan that is not the lineage's current one
 * are not kept, and neither are those of a lineage that was never recorded. `connection` is a writer's.
 */
async function recordVerdicts(
  connection: DuckDBConnection,
  { asked: { lineage, plan, source }, verdicts, questions, evidence: { seen } }: Answer,
): Promise<void> {
  const current = await connection.runAndReadAll('FROM latest_lineages WHERE lineage = $lineage AND plan = $plan', {
    lineage,
    plan,
  });
  if (current.currentRowCount === 0) return;
  for (const table of ['verdicts', 'verdict_evidence'])
    await connection.run(`DELETE FROM ${table} WHERE lineage = $lineage AND source = $source`, { lineage, source });
  const rows = verdicts.flatMap(({ number, name, claim, verdict, alpha, correction, parts, warnings, missing }) => {
    const told = parts.length > 0 ? parts : [nothingAsked];
    return told.map((part, index): Cell[] => [
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
  await appendRows(connection, 'verdicts', rows);
  const evidence = questions.flatMap(({ number, parts }) => {
    const keys = parts
      .flatMap(({ points }) => points.flatMap(readingsOf))
      .flatMap(({ evaluation }) => evaluation ?? []);
    return [...new Set(keys)].map((key): Cell[] => {
      const found = seen.get(key);
      return [lineage, source, number, key, found?.attempt ?? null, found?.finished ?? null];
    });
  });
  await appendRows(connection, 'verdict_evidence', evidence);
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
