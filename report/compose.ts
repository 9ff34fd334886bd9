import type { Plan } from '../planner/plan.ts';
import type { TakeawayVerdict } from '../results/verdicts/verdict.ts';
import { claimsSection } from './claims.ts';
import { curvesSection } from './curves.ts';
import { type Document, paragraph } from './document.ts';
import { modelsSection } from './models.ts';
import { provenanceSection, warningsSection } from './origins.ts';
import type { ReportRows } from './read.ts';
import { ledgerSection, workSection } from './work.ts';

/** All that a report is made of. The same gives the same report, to the byte. */
export interface ReportInput {
  plan: Plan;
  /** SHA-256 of the plan. */
  digest: string;
  rows: ReportRows;
  takeaways: readonly TakeawayVerdict[];
  /** What the end of a run says of the results, in sentences. */
  findings: readonly string[];
}

/** A report of a lineage: the question, what came out first, how it was made last. */
export function composeReport({ plan, digest, rows, takeaways, findings }: ReportInput): Document {
  return {
    title: plan.title ?? plan.lineage,
    sections: [
      {
        title: 'Findings',
        blocks: [
          paragraph(`Lineage ${plan.lineage}.`),
          ...(findings.length > 0 ? [{ kind: 'list' as const, items: [...findings] }] : []),
        ],
      },
      claimsSection(takeaways),
      warningsSection(plan, rows),
      modelsSection(plan, rows),
      curvesSection(rows.curves),
      workSection(plan, rows.attempts),
      ledgerSection(plan, rows.attempts),
      provenanceSection(plan, digest, rows),
    ],
  };
}
