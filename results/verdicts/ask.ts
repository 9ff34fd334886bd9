import type { Claim } from '../../planner/claims.ts';
import { withDatabase } from '../database.ts';
import { withCollapses } from './collapse.ts';
import { decide, type TakeawayVerdict } from './decide.ts';
import { declaredQuestions } from './declared.ts';
import { readEvidence } from './evidence.ts';
import { recordVerdicts } from './record.ts';

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
  return withDatabase(home, 'write', async (connection) => {
    const questions = await withCollapses(connection, declaredQuestions(claims));
    const evidence = await readEvidence(connection, questions);
    const verdicts = decide(questions, evidence);
    await recordVerdicts(connection, { lineage, plan, source: 'file' }, verdicts, questions, evidence);
    return verdicts;
  });
}
