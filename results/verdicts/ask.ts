import type { DuckDBConnection } from '@duckdb/node-api';
import type { Claim } from '../../planner/claims.ts';
import { withDatabase } from '../database.ts';
import { ResultsError } from '../errors.ts';
import { withCollapses } from './collapse.ts';
import { decide, type TakeawayVerdict } from './decide.ts';
import { declaredQuestions } from './declared.ts';
import { readEvidence } from './evidence.ts';
import { paperQuestions } from './paper.ts';
import type { Question } from './question.ts';
import { type Asked, recordVerdicts } from './record.ts';

/**
 * Decides the takeaways of a lineage file from the results as they are now, and keeps the verdicts for the view
 * `takeaways`. `plan` is the digest of the plan that the claims are of. Nothing is opened where there are no claims. Waits,
 * and throws, as `withDatabase` does.
 */
export async function askTakeaways(
  home: string,
  lineage: string,
  plan: string,
  claims: readonly Claim[],
): Promise<TakeawayVerdict[]> {
  if (claims.length === 0) return [];
  return withDatabase(home, 'write', (connection) =>
    answer(connection, { lineage, plan, source: 'file' }, declaredQuestions(claims)),
  );
}

/**
 * Asks the twelve takeaways of EvoLM of a lineage that the results have, its own file's or a published one, and keeps the
 * verdicts as `askTakeaways` does. Throws a ResultsError for a lineage that they do not have.
 */
export async function askPaper(home: string, lineage: string): Promise<TakeawayVerdict[]> {
  return withDatabase(home, 'write', async (connection) => {
    const found = await connection.runAndReadAll('SELECT plan FROM latest_lineages WHERE lineage = $lineage', {
      lineage,
    });
    const plan = found.getRows()[0]?.[0];
    if (plan === undefined) throw new ResultsError(`the results have no lineage ${lineage}`);
    const asked: Asked = { lineage, plan: String(plan), source: 'paper' };
    return answer(connection, asked, await paperQuestions(connection, lineage));
  });
}

async function answer(
  connection: DuckDBConnection,
  asked: Asked,
  plain: readonly Question[],
): Promise<TakeawayVerdict[]> {
  const questions = await withCollapses(connection, plain);
  const evidence = await readEvidence(connection, questions);
  const verdicts = decide(questions, evidence);
  await recordVerdicts(connection, asked, verdicts, questions, evidence);
  return verdicts;
}
