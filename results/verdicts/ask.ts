import type { DuckDBConnection } from '@duckdb/node-api';
import type { Claim } from '../../planner/claims.ts';
import { type DatabaseOptions, withDatabase } from '../database.ts';
import { ResultsError } from '../errors.ts';
import { withCollapses } from './collapse.ts';
import { decide, type TakeawayVerdict } from './decide.ts';
import { declaredQuestions } from './declared.ts';
import { type Evidence, readEvidence } from './evidence.ts';
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
  options: Pick<DatabaseOptions, 'patienceSeconds' | 'besideForSeconds'> = {},
): Promise<TakeawayVerdict[]> {
  if (claims.length === 0) return [];
  return decided(
    await withDatabase(home, 'read', (connection) => gather(connection, declaredQuestions(claims)), options),
  );
}

/** What `askPaper` finds, without keeping it; nothing of a lineage that the results do not have. */
export async function findPaperTakeaways(
  home: string,
  lineage: string,
  options: Pick<DatabaseOptions, 'patienceSeconds' | 'besideForSeconds'> = {},
): Promise<TakeawayVerdict[]> {
  const questions = async (connection: DuckDBConnection) =>
    gather(connection, await paperQuestions(connection, lineage));
  return decided(await withDatabase(home, 'read', questions, options));
}

async function answer(
  connection: DuckDBConnection,
  asked: Asked,
  plain: readonly Question[],
): Promise<TakeawayVerdict[]> {
  const gathered = await gather(connection, plain);
  const verdicts = decided(gathered);
  await recordVerdicts(connection, asked, verdicts, gathered.questions, gathered.evidence);
  return verdicts;
}

/** Questions, and all that the results have to answer them. */
interface Gathered {
  questions: Question[];
  evidence: Evidence;
}

async function gather(connection: DuckDBConnection, plain: readonly Question[]): Promise<Gathered> {
  const questions = await withCollapses(connection, plain);
  return { questions, evidence: await readEvidence(connection, questions) };
}

function decided({ questions, evidence }: Gathered): TakeawayVerdict[] {
  return decide(questions, evidence);
}
