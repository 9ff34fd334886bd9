import type { Budget } from '../schemas/types/lineage.ts';
import { type Cut, cheapestCut, type Limit, mostPieces, totalCost } from './cut.ts';
import { type Diagnostic, diagnose } from './diagnostic.ts';
import type { Key, PlanNode } from './plan.ts';
import { allFlops, priceOf } from './price.ts';
import { parseTokens } from './quantities.ts';
import type { Source } from './syntax.ts';

/**
 * Refuses a lineage whose nodes cost more tokens or operations than its budget allows, done or not. Hours ask for a speed
 * and are judged where one is known, by `refuseOverrun` too.
 */
export function checkBudget(source: Source, budget: Budget | undefined, nodes: readonly PlanNode[]): Diagnostic[] {
  if (budget === undefined) return [];
  const limits: BudgetLimit[] = [];
  const tokens = budget.tokens === undefined ? undefined : tokensAllowed(budget.tokens);
  if (tokens !== undefined)
    limits.push({ entry: 'tokens', allowed: tokens, costOf: (node) => priceOf(node).tokens.trained });
  if (typeof budget.flops === 'number')
    limits.push({ entry: 'flops', allowed: budget.flops, costOf: (node) => allFlops(priceOf(node)) });
  return refuseOverrun(source, nodes, limits);
}

/** A limit, and the entry of the budget that sets it. */
export type BudgetLimit = Limit & { entry: keyof Budget };

/** A diagnostic for each limit that nodes pass, at its entry, with the cheapest cut that keeps all of them. */
export function refuseOverrun(
  source: Source,
  nodes: readonly PlanNode[],
  limits: readonly BudgetLimit[],
): Diagnostic[] {
  const known = limits.map(remembered);
  const passed = known.filter((limit) => totalCost(nodes, limit) > limit.allowed);
  if (passed.length === 0) return [];
  const hint = cutText(cheapestCut(source, nodes, known), known);
  return passed.map((limit) => {
    const { entry, allowed } = limit;
    const bound = entry !== 'hours' && nodes.some((node) => !priceOf(node).exact) ? 'up to ' : '';
    const planned = amounts[entry](totalCost(nodes, limit));
    const message = `this lineage ${verbs[entry]} ${bound}${planned}, and its budget is ${amounts[entry](allowed)}`;
    return diagnose(source.file, source.place(['budget', entry]), 'over-budget', message, { hint });
  });
}

/** The same limit; what a node costs is found once, as a cut asks for it many times. */
function remembered({ entry, allowed, costOf }: BudgetLimit): BudgetLimit {
  const known = new Map<Key, number>();
  return {
    entry,
    allowed,
    costOf(node) {
      const cost = known.get(node.key) ?? costOf(node);
      known.set(node.key, cost);
      return cost;
    },
  };
}

/** Tokens of a budget, which are no number a parameter; undefined where they cannot be read, which is told elsewhere. */
function tokensAllowed(written: number | string): number | undefined {
  const parsed = parseTokens(written);
  return parsed.ok && 'tokens' in parsed.value ? parsed.value.tokens : undefined;
}

const verbs: Record<keyof Budget, string> = { tokens: 'trains on', flops: 'takes', hours: 'takes' };

const amounts: Record<keyof Budget, (amount: number) => string> = {
  tokens: (tokens) => `${tokens.toLocaleString('en')} tokens`,
  flops: (flops) => `${flops.toExponential(2).replace('e+', 'e')} FLOP`,
  hours: (hours) =>
    `${hours < 100 ? Number(hours.toPrecision(3)) : Math.round(hours).toLocaleString('en')} device hours`,
};

/** `the cheapest cut that fits leaves out replay=0% (12 of 48 nodes), and 749,000 tokens are left`. */
function cutText(cut: Cut | null, limits: readonly BudgetLimit[]): string {
  if (cut === null) {
    return `to leave out ${mostPieces} values of axes or final models is not enough: ask less of the stages, or raise the budget`;
  }
  const pieces = cut.pieces.map((piece) =>
    piece.kind === 'value' ? `${piece.axis}=${piece.value}` : `the final model ${piece.address}`,
  );
  const lost = `${cut.lost.toLocaleString('en')} of ${cut.of.toLocaleString('en')} nodes`;
  const rest = limits.map(({ entry }, index) => amounts[entry](cut.rest[index] ?? 0));
  return `the cheapest cut that fits leaves out ${pieces.join(', ')} (${lost}); ${rest.join(', ')} are left`;
}
