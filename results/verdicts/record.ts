import type { DuckDBConnection } from '@duckdb/node-api';
import { appendRows, type Cell } from '../append.ts';
import type { TakeawayVerdict } from './decide.ts';
import type { Evidence } from './evidence.ts';
import { type Question, readingsOf } from './question.ts';

/** Whose takeaways: those of the lineage's file, or the paper's. */
export type TakeawaySource = 'file' | 'paper';

/** Which lineage they were asked of. */
export interface Asked {
  lineage: string;
  /** Digest of its plan. */
  plan: string;
  source: TakeawaySource;
}

/**
 * Puts verdicts into the tables, in place of those of the same lineage and source, with the evaluations that they are from:
 * the view `takeaways` calls them stale once one of these changes. Verdicts of a plan that is not the lineage's current one
 * are not kept, and neither are those of a lineage that was never recorded. `connection` is a writer's.
 */
export async function recordVerdicts(
  connection: DuckDBConnection,
  { lineage, plan, source }: Asked,
  verdicts: readonly TakeawayVerdict[],
  questions: readonly Question[],
  { seen }: Evidence,
): Promise<void> {
  const current = await connection.runAndReadAll('FROM latest_lineages WHERE lineage = $lineage AND plan = $plan', {
    lineage,
    plan,
  });
  if (current.currentRowCount === 0) return;
  for (const table of ['verdicts', 'verdict_evidence'])
    await connection.run(`DELETE FROM ${table} WHERE lineage = $lineage AND source = $source`, { lineage, source });
  const rows = verdicts.flatMap(({ number, name, claim, verdict, alpha, correction, parts, warnings, missing }) =>
    parts.map((part, index): Cell[] => [
      lineage,
      source,
      plan,
      number,
      name,
      claim,
      verdict,
      index + 1,
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
    ]),
  );
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
