import type { Claim } from '../../planner/claims.ts';
import type { Question } from './question.ts';

/** The takeaways of a lineage file as questions: a part for each metric. */
export function declaredQuestions(claims: readonly Claim[]): Question[] {
  return claims.map(({ number, claim, metrics, testing, models, warnings }) => ({
    number,
    name: null,
    claim,
    testing,
    parts: metrics.map(({ metric, claimed }) => ({
      name: metric,
      saying: claimed,
      points: models.map(({ address, x, setting, seed, evaluations }) => ({
        address,
        x,
        setting,
        seed,
        reading: { evaluation: evaluations[metric] ?? null, metric },
      })),
    })),
    warnings,
    missing: [],
  }));
}
