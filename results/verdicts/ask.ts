import type { DuckDBConnection } from '@duckdb/node-api';
import type { Claim } from '../../planner/claims.ts';
import { type DatabaseOptions, withDatabase } from '../database.ts';
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

/** What `askTakeaways` finds, without keeping it: nothing is written. */
export async function findTakeaways(
  home: string,
  claims: readonly Claim[],
  options: Pick<DatabaseOptions, 'patienceSeconds'> = {},
): Promise<TakeawayVerdict[]> {
  if (claims.length === 0) return [];
  return withDatabase(
    home,
    'read',
    async (connection) => (await decideNow(connection, declaredQuestions(claims))).verdicts,
    options,
  );
}

/** What `askPaper` finds, without keeping it; nothing of a lineage that the results do not have. */
export async function findPaperTakeaways(
  home: string,
  lineage: string,
  options: Pick<DatabaseOptions, 'patienceSeconds'> = {},
): Promise<TakeawayVerdict[]> {
  return withDatabase(
    home,
    'read',
    async (connection) => (await decideNow(connection, await paperQuestions(connection, lineage))).verdicts,
    options,
  );
}

async function answer(
  connection: DuckDBConnection,
  asked: Asked,
  plain: readonly Question[],
): Promise<TakeawayVerdict[]> {
  const { questions, evidence, verdicts } = await decideNow(connection, plain);
  await recordVerdicts(connection, asked, verdicts, questions, evidence);
  return verdicts;
}

async function decideNow(connection: DuckDBConnection, plain: readonly Question[]) {
  const questions = await withCollapses(connection, plain);
  const evidence = await readEvidence(connection, questions);
  return { questions, evidence, verdicts: decide(questions, evidence) };
}
