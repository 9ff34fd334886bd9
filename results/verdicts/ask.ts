import type { DuckDBConnection } from '@duckdb/node-api';
import type { Claim } from '../../planner/claims.ts';
import { ResultsError } from '../errors.ts';
import { withCollapses } from './collapse.ts';
import { decide } from './decide.ts';
import { declaredQuestions } from './declared.ts';
import { type Evidence, readEvidence } from './evidence.ts';
import { paperQuestions } from './paper.ts';
import type { Question } from './question.ts';
import type { TakeawayVerdict } from './verdict.ts';

/** Whose takeaways: those of the lineage's file, or the paper's. */
export type TakeawaySource = 'file' | 'paper';

/** Which lineage they were asked of. */
export interface Asked {
  lineage: string;
  /** Digest of its plan. */
  plan: string;
  source: TakeawaySource;
}

/** Verdicts, with what they were found from: all that `keepVerdicts` needs. */
export interface Answer {
  asked: Asked;
  verdicts: TakeawayVerdict[];
  questions: readonly Question[];
  evidence: Evidence;
}

/**
 * Decides the takeaways of a lineage file from the results as they are now. `plan` is the digest of the plan that the claims
 * are of. `connection` may be a reader's: nothing is written.
 */
export async function askTakeaways(
  connection: DuckDBConnection,
  lineage: string,
  plan: string,
  claims: readonly Claim[],
): Promise<Answer> {
  return answer(connection, { lineage, plan, source: 'file' }, declaredQuestions(claims));
}

/**
 * Asks the twelve takeaways of EvoLM of a lineage that the results have, its own file's or a published one. `connection` may
 * be a reader's: nothing is written. Throws a ResultsError for a lineage that they do not have.
 */
export async function askPaper(connection: DuckDBConnection, lineage: string): Promise<Answer> {
  const found = await connection.runAndReadAll('SELECT plan FROM latest_lineages WHERE lineage = $lineage', {
    lineage,
  });
  const plan = found.getRows()[0]?.[0];
  if (plan === undefined) throw new ResultsError(`the results have no lineage ${lineage}`);
  const asked: Asked = { lineage, plan: String(plan), source: 'paper' };
  return answer(connection, asked, await paperQuestions(connection, lineage));
}

async function answer(connection: DuckDBConnection, asked: Asked, plain: readonly Question[]): Promise<Answer> {
  const questions = await withCollapses(connection, plain);
  const evidence = await readEvidence(connection, questions);
  return { asked, verdicts: decide(questions, evidence), questions, evidence };
}
