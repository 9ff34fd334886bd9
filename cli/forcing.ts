import { forceNodes } from '../planner/force.ts';
import type { Plan, PlanNode } from '../planner/plan.ts';
import { newestWhole } from '../store/artifact.ts';
import { findHome } from '../store/home.ts';
import type { Context } from './context.ts';
import { CommandError } from './failure.ts';
import { selectNodes } from './selection.ts';

/**
 * The plan with another attempt of what `--force` names; the plan itself without it. Throws a CommandError for selectors
 * that cannot be read or name nothing, and for a node that is never trained: one that stands on an accepted artifact.
 */
export async function forceSelected(
  plan: Plan,
  selectors: readonly string[] | undefined,
  context: Context,
): Promise<Plan> {
  if (selectors === undefined) return plan;
  const nodes = await selectNodes(plan, selectors, context);
  const accepted = nodes.find((node) => node.accepted);
  if (accepted) {
    const message = `${accepted.address} cannot be forced: it stands on an artifact that the file accepts, and is never trained`;
    throw new CommandError(message, 'take its entry out of `accept`, or name other nodes');
  }
  const home = findHome(context.cwd, context.env);
  return forceNodes(plan, nodes, (key) => newestWhole(home, key)?.attempt);
}

/**
 * The words of a command line that goes on with a plan's forced nodes: those whose attempt is not done yet, by address. To
 * name what the person named would begin yet another attempt of those that are done.
 */
export function forceStillToDo({ nodes }: Plan, home: string): string[] {
  const left = nodes.filter(({ key, attempt }) => attempt !== undefined && !newestWhole(home, key, attempt));
  return left.flatMap(({ address }) => ['--force', address]);
}

/** Throws a CommandError where `--select` leaves out a node that `--force` names: it would not run. */
export function refuseForcedOutside(all: Plan, part: readonly PlanNode[]): void {
  const kept = new Set(part.map(({ key }) => key));
  const outside = all.nodes.find(({ key, attempt }) => attempt !== undefined && !kept.has(key));
  if (outside)
    throw new CommandError(`--force names ${outside.address}, which --select leaves out`, 'name it with both');
}
