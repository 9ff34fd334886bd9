import type { Plan, PlanNode } from '../planner/plan.ts';
import { asksForStates, type RestState, select } from '../planner/select.ts';
import { formatProblem } from '../planner/selector.ts';
import { findHome } from '../store/home.ts';
import type { Context } from './context.ts';
import { CommandError } from './failure.ts';

/**
 * The nodes that `--select` names, in the plan's order; all of them without it. DuckDB is loaded for `state:` only. Throws
 * a CommandError for selectors that cannot be read or name nothing.
 */
export async function selectNodes(
  plan: Plan,
  selectors: readonly string[] | undefined,
  context: Context,
): Promise<PlanNode[]> {
  if (selectors === undefined) return plan.nodes;
  const selected = select(plan, selectors, await stateReader(plan, selectors, context));
  if (!selected.ok) throw new CommandError(selected.problems.map(formatProblem).join('\n'));
  return selected.nodes;
}

async function stateReader(
  plan: Plan,
  selectors: readonly string[],
  context: Context,
): Promise<(node: PlanNode) => RestState> {
  if (!asksForStates(selectors)) {
    return ({ address }) => {
      throw new Error(`nobody asked for the state of ${address}`);
    };
  }
  const { lookAtRest } = await import('./rest.ts');
  const atRest = await lookAtRest(findHome(context.cwd, context.env), plan);
  return (node) => atRest(node).state;
}
