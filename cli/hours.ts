import { refuseOverrun } from '../planner/budget.ts';
import type { Diagnostic } from '../planner/diagnostic.ts';
import type { Estimate } from '../planner/estimate.ts';
import type { Planned } from '../planner/expand.ts';
import type { Key } from '../planner/plan.ts';
import { refuseOversized } from '../planner/room.ts';
import type { Verdict } from '../planner/verdict.ts';
import { counted } from '../words/figures.ts';
import type { Context } from './context.ts';
import { openPricer, type Pricer } from './pricing.ts';

/** A lineage file that can be planned. */
export type Valid = Extract<Planned, { ok: true }>;
/** A lineage file that is refused, and why. */
export type Refused = Extract<Planned, { ok: false }>;

/**
 * What prices nodes of a planned file, and what a person should know of its budget of hours. The file is refused where a
 * node takes more memory than its device has, and where the whole lineage takes more device hours than `budget.hours`, done
 * or not. Where the speed of some of its work is not known, hours are not judged, and a note says so.
 */
export async function priceWithin(
  planned: Valid,
  verdicts: ReadonlyMap<Key, Verdict>,
  context: Context,
): Promise<{ price: Pricer; notes: string[]; refused: Refused | null }> {
  const { price, knowsMemory } = await openPricer(context);
  const { nodes, declared } = planned.plan;
  const allowed = declared.budget?.hours;
  const isBudgeted = typeof allowed === 'number';
  if (!isBudgeted && !knowsMemory) return { price, notes: [], refused: null };
  const whole = price(nodes, verdicts).estimate;
  const untimed = isBudgeted ? whole.nodes.filter(({ time }) => time === null).length : 0;
  const notes = untimed > 0 ? [`budget.hours is not judged: no speed is known of ${counted(untimed, 'node')}`] : [];
  const diagnostics = [
    ...refuseOversized(planned.source, whole.nodes),
    ...(isBudgeted && untimed === 0 ? overrunOf(planned, allowed, whole) : []),
  ];
  const refused: Refused | null = diagnostics.length > 0 ? { ok: false, diagnostics, text: planned.source.text } : null;
  return { price, notes, refused };
}

function overrunOf({ plan, source }: Valid, allowed: number, whole: Estimate): Diagnostic[] {
  const seconds = new Map<Key, number>(whole.nodes.map(({ node, time }) => [node.key, time?.seconds ?? 0]));
  const costOf = ({ key }: { key: Key }) => (seconds.get(key) ?? 0) / 3600;
  return refuseOverrun(source, plan.nodes, [{ entry: 'hours', allowed, costOf }]);
}
