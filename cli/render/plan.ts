import type { Key, Plan, PlanNode } from '../../planner/plan.ts';
import { reasonText } from '../../planner/reason.ts';
import type { Verdict } from '../../planner/verdict.ts';
import { stepsDone, totalWork, workOf } from '../workload.ts';
import { columns } from './columns.ts';
import { amount, counted, shortKey, whole } from './figures.ts';
import type { Colours } from './terminal.ts';

/**
 * The plan as a person reads it: a row for each node with its verdict, address, key (`new` where the store has nothing
 * of it), the reason, and how much there is to do; then what it adds up to.
 */
export function renderPlan(plan: Plan, verdicts: ReadonlyMap<Key, Verdict>, colours: Colours): string {
  const rows = plan.nodes.map((node) => {
    const verdict = verdictOf(node, verdicts);
    return [
      COLOURED[verdict.verdict](colours)(verdict.verdict),
      node.address,
      colours.dim(shortKey(node.key)),
      reasonText(node, verdict),
      verdict.verdict === 'reuse' ? '' : colours.dim(workOf(node, stepsDone(verdict)).text),
    ];
  });
  return `${columns(rows)}\n${planTotal(plan, verdicts)}`;
}

/** `48 nodes: 29 reuse, 1 resume, 18 run · 1,264 steps, 2.6M tokens`, of which only those are counted that are left. */
export function planTotal(plan: Plan, verdicts: ReadonlyMap<Key, Verdict>): string {
  const counts = verdictCounts(plan, verdicts);
  const parts = Object.entries(counts).filter(([, count]) => count > 0);
  const { steps, tokens } = totalWork(nodesToRun(plan, verdicts), (node) => verdictOf(node, verdicts));
  const work = steps === 0 ? '' : ` · ${counted(steps, 'step')}, ${amount(tokens)} tokens`;
  return `${counted(plan.nodes.length, 'node')}: ${parts.map(([verdict, count]) => `${whole(count)} ${verdict}`).join(', ')}${work}`;
}

/** How many nodes have each verdict. */
export function verdictCounts(plan: Plan, verdicts: ReadonlyMap<Key, Verdict>): Record<Verdict['verdict'], number> {
  const counts = { reuse: 0, resume: 0, run: 0 };
  for (const node of plan.nodes) counts[verdictOf(node, verdicts).verdict] += 1;
  return counts;
}

/** The nodes that are not done yet. */
export function nodesToRun(plan: Plan, verdicts: ReadonlyMap<Key, Verdict>): PlanNode[] {
  return plan.nodes.filter((node) => verdictOf(node, verdicts).verdict !== 'reuse');
}

/** A node's verdict. Throws where `verdicts` were made for another plan. */
export function verdictOf(node: PlanNode, verdicts: ReadonlyMap<Key, Verdict>): Verdict {
  const verdict = verdicts.get(node.key);
  if (!verdict) throw new Error(`no verdict for ${node.address}`);
  return verdict;
}

/** The colour of each verdict. */
export const COLOURED: Record<Verdict['verdict'], (colours: Colours) => (text: string) => string> = {
  reuse: (colours) => colours.dim,
  resume: (colours) => colours.yellow,
  run: (colours) => colours.green,
};
