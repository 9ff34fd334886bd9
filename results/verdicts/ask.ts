import type { DuckDBConnection } from '@duckdb/node-api';
import type { Claim } from '../../planner/claims.ts';
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

/** What takeaways ask, and all that the results have to answer them: nothing else is read to decide them. */
export interface Gathered {
  asked: Asked;
  questions: readonly Question[];
  evidence: Evidence;
}

/** Verdicts, with what they were found from: all that `keepVerdicts` needs. */
export interface Answer extends Gathered {
  verdicts: TakeawayVerdict[];
}

/**
 * Reads what decides the takeaways of a lineage file, from the results as they are now. `plan` is the digest of the plan that
 * the claims are of. `connection` may be a reader's: nothing is written.
 */
export async function gatherDeclared(
  connection: DuckDBConnection,
  lineage: string,
  plan: string,
  claims: readonly Claim[],
): Promise<Gathered> {
  return gather(connection, { lineage, plan, source: 'file' }, declaredQuestions(claims));
}

/**
 * Reads what decides the twelve takeaways of EvoLM for a lineage, its own file's or a published one, whose current plan has
 * the digest `plan`. `connection` may be a reader's: nothing is written. Of a lineage that the results do not have, nothing
 * can be asked.
 */
export async function gatherPaper(connection: DuckDBConnection, lineage: string, plan: string): Promise<Gathered> {
  return gather(connection, { lineage, plan, source: 'paper' }, await paperQuestions(connection, lineage));
}

/** The verdicts. Takes no connection, so that nobody waits for the results while orders and resamples are gone through. */
export function answerOf(gathered: Gathered): Answer {
  return { ...gathered, verdicts: decide(gathered.questions, gathered.evidence) };
}

async function gather(connection: DuckDBConnection, asked: Asked, plain: readonly Question[]): Promise<Gathered> {
  const questions = await withCollapses(connection, plain);
  return { asked, questions, evidence: await readEvidence(connection, questions) };
}
