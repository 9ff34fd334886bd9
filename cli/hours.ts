import { refuseOverrun } from '../planner/budget.ts';
import type { Estimate } from '../planner/estimate.ts';
import type { Planned } from '../planner/expand.ts';
import type { Key } from '../planner/plan.ts';
import type { Verdict } from '../planner/verdict.ts';
import type { Context } from './context.ts';
import { openPricer, type Pricer } from './pricing.ts';
import { counted } from './render/figures.ts';

/** A lineage file that can be planned. */
export type Valid = Extract<Planned, { ok: true }>;
/** A lineage file that is refused, and why. */
export type Refused = Extract<Planned, { ok: false }>;

/**
 * What prices nodes of a planned file, and what a person should know of its budget of hours. The file is refused where the
 * whole lineage takes more device hours than `budget.hours`, done or not. Where the speed of some of its work is not known,
 * hours are not judged, and a note says so.
 */
export async function priceWithin(
  planned: Valid,
  verdicts: ReadonlyMap<Key, Verdict>,
  context: Context,
): Promise<{ price: Pricer; notes: string[]; refused: Refused | null }> {
  const price = await openPricer(context);
  const { nodes, declared } = planned.plan;
  const allowed = declared.budget?.hours;
  if (typeof allowed !== 'number') return { price, notes: [], refused: null };
  const whole = price(nodes, verdicts).estimate;
  const untimed = whole.nodes.filter(({ time }) => time === null).length;
  if (untimed > 0) {
    const note = `budget.hours is not judged: no speed is known of ${counted(untimed, 'node')}`;
    return { price, notes: [note], refused: null };
  }
  return { price, notes: [], refused: refusalOf(planned, allowed, whole) };
}

function refusalOf({ plan, source }: Valid, allowed: number, whole: Estimate): Refused | null {
  const seconds = new Map<Key, number>(whole.nodes.map(({ node, time }) => [node.key, time?.seconds ?? 0]));
  const costOf = ({ key }: { key: Key }) => (seconds.get(key) ?? 0) / 3600;
  const diagnostics = refuseOverrun(source, plan.nodes, [{ entry: 'hours', allowed, costOf }]);
  return diagnostics.length > 0 ? { ok: false, diagnostics, text: source.text } : null;
}
