import { type ChainDiff, diffNodes, diffPlans, type PlanDiff } from '../planner/diff.ts';
import type { PlanNode } from '../planner/plan.ts';
import { type Context, type ExitCode, exitCodes } from './context.ts';
import { CommandError } from './failure.ts';
import { renderChainDiff, renderPlanDiff } from './render/diff.ts';
import { findSubject } from './subject.ts';

/** `descent diff A B`: two nodes stage by stage, or two plans node by node. */
export async function diff(
  before: string,
  after: string,
  options: { json?: true },
  context: Context,
): Promise<ExitCode> {
  const [one, other] = [await findSubject(before, context), await findSubject(after, context)];
  const { terminal } = context;
  if (one.kind === 'node' && other.kind === 'node') {
    const found = diffNodes(one, other);
    terminal.out(options.json ? JSON.stringify(chainReport(found), null, 2) : renderChainDiff(found, terminal.colours));
  } else if (one.kind === 'plan' && other.kind === 'plan') {
    const found = diffPlans(one.plan, other.plan);
    terminal.out(options.json ? JSON.stringify(planReport(found), null, 2) : renderPlanDiff(found, terminal.colours));
  } else {
    const [node, plan] = one.kind === 'node' ? [before, after] : [after, before];
    throw new CommandError(`${node} is a node and ${plan} is a whole lineage`, 'compare two nodes, or two lineages');
  }
  return exitCodes.fine;
}

function chainReport({ stages, parting }: ChainDiff): object {
  return {
    parting,
    stages: stages.map(({ type, before, after, changes }) => ({
      type,
      before: named(before),
      after: named(after),
      changes,
    })),
  };
}

function planReport({ same, renamed, changed, following, onlyBefore, onlyAfter }: PlanDiff): object {
  return {
    same,
    following,
    renamed: renamed.map(({ before, after }) => ({ before: named(before), after: named(after) })),
    changed: changed.map(({ before, after, changes }) => ({ before: named(before), after: named(after), changes })),
    onlyBefore: onlyBefore.map(named),
    onlyAfter: onlyAfter.map(named),
  };
}

function named(node: PlanNode | null): { address: string; key: string } | null {
  return node && { address: node.address, key: node.key };
}
