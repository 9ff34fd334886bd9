import type { NodeCost } from '../../planner/estimate.ts';
import type { Mark } from '../../planner/marks.ts';
import type { Key, Plan, PlanNode } from '../../planner/plan.ts';
import type { Price } from '../../planner/price.ts';
import { reasonText } from '../../planner/reason.ts';
import { type Verdict, verdictOf } from '../../planner/verdict.ts';
import { counted, shortKey, whole } from '../../words/figures.ts';
import type { Pricing } from '../pricing.ts';
import { type Alignment, columns, fitColumns, type Spare } from './columns.ts';
import { costCells, leftText, renderPrice } from './price.ts';
import type { Colours } from './terminal.ts';

/**
 * The plan as a person reads it: a row for each node with its verdict, address, key, the reason, its marks (of the whole plan, by address) and what it costs; then
 * what it adds up to, and what that is made of. Rows have at most `width` cells: where they would have more, first the key
 * is left out, then operations, then tokens, and then reasons and addresses are cut short.
 */
export function renderPlan(
  plan: Plan,
  verdicts: ReadonlyMap<Key, Verdict>,
  pricing: Pricing,
  marks: ReadonlyMap<string, readonly Mark[]>,
  colours: Colours,
  width: number = Number.POSITIVE_INFINITY,
): string {
  const cellsOf = sharedCells(colours);
  const rows = pricing.estimate.nodes.map((cost) => {
    const { node } = cost;
    const verdict = verdictOf(node, verdicts);
    return [
      COLOURED[verdict.verdict](colours)(verdict.verdict),
      node.address,
      colours.dim(shortKey(node.key)),
      [reasonText(node, verdict), ...(marks.get(node.address) ?? []).map((mark) => colours.yellow(mark))].join(', '),
      ...cellsOf(cost),
    ];
  });
  const price = renderPrice(pricing, colours);
  const fitted = fitColumns({ rows, alignments: rowAlignments }, width, spare);
  return [columns(fitted.rows, fitted.alignments), planTotal(plan, verdicts, pricing), price]
    .filter((part) => part !== '')
    .join('\n');
}

/** The cells of what nodes cost, in their colour; those that have price, part and time in common have the same cells. */
function sharedCells(colours: Colours): (cost: NodeCost) => readonly string[] {
  const known = new Map<Price, { like: NodeCost; cells: readonly string[] }>();
  return (cost) => {
    const before = known.get(cost.price);
    const { part, time, same } = cost;
    if (before && same === null && before.like.part === part && before.like.time?.seconds === time?.seconds)
      return before.cells;
    const cells = costCells(cost).map((cell) => (cell === '' ? '' : colours.dim(cell)));
    if (same === null) known.set(cost.price, { like: cost, cells });
    return cells;
  };
}

const rowAlignments: Alignment[] = ['left', 'left', 'left', 'left', 'right', 'left', 'right', 'right', 'left'];

/** The key, operations, tokens; the reason, the address. */
const spare: Spare = {
  drop: [[2], [6], [4, 5]],
  shorten: [
    { column: 3, least: 12 },
    { column: 1, least: 12 },
  ],
};

/** `48 nodes: 29 reuse, 1 resume, 18 run · 2.6M tokens · 3.10e19 FLOP · 12 h 42 min (1 d 17 h without sharing) · 5 h 10 min on 2 gpu slots`. */
export function planTotal(plan: Plan, verdicts: ReadonlyMap<Key, Verdict>, { estimate }: Pricing): string {
  const { nodes, addresses, ...counts } = planCounts(plan, verdicts);
  const parts = Object.entries(counts).filter(([, count]) => count > 0);
  const places = addresses > nodes ? ` at ${whole(addresses)} addresses` : '';
  const left = leftText(estimate);
  return `${counted(nodes, 'node')}${places}: ${parts.map(([verdict, count]) => `${whole(count)} ${verdict}`).join(', ')}${left === '' ? '' : ` · ${left}`}`;
}

/** How many nodes a plan has, at how many addresses, and how many have each verdict. What is at two addresses is one node. */
export function planCounts(
  plan: Plan,
  verdicts: ReadonlyMap<Key, Verdict>,
): Record<'nodes' | 'addresses' | Verdict['verdict'], number> {
  const once = new Map(plan.nodes.map((node) => [node.key, node]));
  const counts = { nodes: once.size, addresses: plan.nodes.length, reuse: 0, resume: 0, run: 0 };
  for (const node of once.values()) counts[verdictOf(node, verdicts).verdict] += 1;
  return counts;
}

/** The nodes that are not done yet. */
export function nodesToRun(plan: Plan, verdicts: ReadonlyMap<Key, Verdict>): PlanNode[] {
  return plan.nodes.filter((node) => verdictOf(node, verdicts).verdict !== 'reuse');
}

/** The colour of each verdict. */
export const COLOURED: Record<Verdict['verdict'], (colours: Colours) => (text: string) => string> = {
  reuse: (colours) => colours.dim,
  resume: (colours) => colours.yellow,
  run: (colours) => colours.green,
};
