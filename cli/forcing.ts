import { forceNodes } from '../planner/force.ts';
import type { Key, Plan, PlanNode } from '../planner/plan.ts';
import { newestWhole } from '../store/artifact.ts';
import { findHome } from '../store/home.ts';
import { plansRun } from '../store/plans.ts';
import type { Context } from './context.ts';
import { CommandError } from './failure.ts';
import { selectNodes } from './selection.ts';

/**
 * The plan with another attempt of what `--force` names; the plan itself without it. What an unfinished run of the same
 * words has asked for is asked for again, so that it goes on, or is joined where it runs. Throws a CommandError for selectors
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
  return forceNodes(plan, nodes, (key) => newestWhole(home, key)?.attempt, attemptsBegun(home, plan.lineage, nodes));
}

/** The attempts that earlier runs of a lineage ask for: of those that forced only what is named, and have not done it all. */
function attemptsBegun(home: string, lineage: string, named: readonly PlanNode[]): Map<Key, number> {
  const keys = new Set(named.map(({ key }) => key));
  const begun = new Map<Key, number>();
  for (const plan of plansRun(home, lineage)) {
    const forced = forcedIn(plan);
    if (forced.every((node) => isDone(home, node)) || !forced.every(({ key }) => keys.has(key))) continue;
    for (const { key, attempt } of forced) begun.set(key, Math.max(attempt, begun.get(key) ?? attempt));
  }
  return begun;
}

type Forced = PlanNode & { attempt: number };

function forcedIn({ nodes }: Plan): Forced[] {
  return nodes.filter((node): node is Forced => node.attempt !== undefined);
}

function isDone(home: string, { key, attempt }: Forced): boolean {
  return newestWhole(home, key, attempt) !== undefined;
}

/**
 * The words of a command line that goes on with a plan's forced nodes: those whose attempt is not done yet, by address. Once
 * all are, to name what the person named would begin yet another.
 */
export function forceStillToDo(plan: Plan, home: string): string[] {
  const left = forcedIn(plan).filter((node) => !isDone(home, node));
  return left.flatMap(({ address }) => ['--force', address]);
}

/** Throws a CommandError where `--select` leaves out a node that `--force` names: it would not run. */
export function refuseForcedOutside(all: Plan, part: readonly PlanNode[]): void {
  const kept = new Set(part.map(({ key }) => key));
  const outside = forcedIn(all).find(({ key }) => !kept.has(key));
  if (outside)
    throw new CommandError(`--force names ${outside.address}, which --select leaves out`, 'name it with both');
}
