import type { Plan } from '../planner/plan.ts';
import type { TakeawayVerdict } from '../results/verdicts/verdict.ts';
import { counted, whole } from '../words/figures.ts';
import { claimsSection } from './claims.ts';
import { curvesSection } from './curves.ts';
import type { Document, Section } from './document.ts';
import { modelsSection } from './models.ts';
import { provenanceSection, warningsSection } from './origins.ts';
import type { ReportRows } from './read.ts';
import { countStandings, once, standings } from './stages.ts';
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
    subtitle: subtitleOf(plan, rows),
    sections: [
      ...findingsSections(findings),
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

/** What a run says at its end, as far as somebody reads; nothing where it says nothing. */
function findingsSections(findings: readonly string[]): Section[] {
  if (findings.length === 0) return [];
  const more = findings.length - mostFindings;
  const items = [
    ...findings.slice(0, mostFindings),
    ...(more > 0 ? [`And ${whole(more)} more: figures are below.`] : []),
  ];
  return [{ title: 'Findings', blocks: [{ kind: 'list', items }] }];
}

const mostFindings = 30;

/** Which lineage it is, and how far it is. */
function subtitleOf(plan: Plan, { attempts, figures, sources }: ReportRows): string {
  const models = counted(new Set(figures.map(({ key }) => key)).size, 'evaluated model');
  if (sources.length > 0)
    return `Lineage ${plan.lineage}, ${models}. Nothing of it was run here: its figures are published ones, which were imported.`;
  const nodes = once(plan.nodes);
  return `Lineage ${plan.lineage}, ${models}. Of ${counted(nodes.length, 'node')} ${countStandings(nodes, standings(attempts))}.`;
}
