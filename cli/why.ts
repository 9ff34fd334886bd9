import type { Acceptable } from '../planner/accept.ts';
import { type NodeInPlan, nodeOf } from '../planner/compare.ts';
import { preimageChanges } from '../planner/elided.ts';
import { needsOf } from '../planner/kinship.ts';
import { isAcceptable } from '../planner/misfit.ts';
import { addressNow } from '../planner/moved.ts';
import type { Acceptance, Key, Plan, PlanNode } from '../planner/plan.ts';
import { reasonText } from '../planner/reason.ts';
import { type Verdict, verdictOf } from '../planner/verdict.ts';
import { inspectNode } from '../store/artifact.ts';
import { findHome } from '../store/home.ts';
import { type Context, type ExitCode, exitCodes } from './context.ts';
import { CommandError } from './failure.ts';
import { planFile } from './lineage-file.ts';
import { judgeAgainstStore } from './plan.ts';
import { type AcceptedReport, type NeededNode, renderWhy, type WhyReport } from './render/why.ts';
import { findSubject } from './subject.ts';

/** `descent why NODE`: whether a node would run, and what decides that. The lineage file is read as it stands now. */
export async function why(text: string, options: { file?: string; json?: true }, context: Context): Promise<ExitCode> {
  const { plan, node } = await findNow(text, options.file, context);
  const verdicts = await judgeAgainstStore(plan, context);
  const verdict = verdictOf(node, verdicts);
  const acceptable = acceptableFor(node, verdict, findHome(context.cwd, context.env));
  const ancestors = neededBy(plan, node, ({ parents }) => parents);
  const needed = neededBy(plan, node, needsOf);
  const told = ([role, one]: [string, PlanNode]): NeededNode => {
    const { address, key } = one;
    const own = verdictOf(one, verdicts);
    return { role, address, key, verdict: own.verdict, text: reasonText(one, own) };
  };
  const report: WhyReport = {
    lineage: plan.lineage,
    address: node.address,
    key: node.key,
    verdict: verdict.verdict,
    reason: { ...verdict.reason, text: reasonText(node, verdict) },
    ancestors: [...ancestors.values()].map(told),
    gates: [...needed].flatMap(([key, one]) => (ancestors.has(key) ? [] : [told(one)])),
    ...(node.accepted && { accepted: acceptedReport(node.accepted, node.preimage) }),
    ...(acceptable && { acceptable }),
    preimage: node.preimage,
  };
  const { terminal } = context;
  terminal.out(options.json ? JSON.stringify(report, null, 2) : renderWhy(report, terminal.colours));
  return exitCodes.fine;
}

/** The node in the file that is named, else in the file of the lineage that was run with it, as that file stands now. */
async function findNow(text: string, file: string | undefined, context: Context): Promise<NodeInPlan> {
  const found = await findSubject(file === undefined ? text : `${file}:${text}`, context);
  if (found.kind === 'plan')
    throw new CommandError(`${text} is a whole lineage`, `name a node of it, or see all: descent plan`);
  if (file !== undefined) return found;
  const planned = await planFile(found.plan.file, context);
  // A file that is gone or has errors by now: the plan that was run last is what there is.
  if (!planned.ok) return found;
  const { nodes, declared } = planned.plan;
  const current = addressNow(declared.moved ?? [], found.node.address);
  const node =
    nodes.find(({ address }) => address === found.node.address) ?? nodes.find(({ address }) => address === current);
  return node ? { plan: planned.plan, node } : found;
}

/** What a file might accept for a node: what it was before it was changed itself, where that is done. */
function acceptableFor(node: PlanNode, { reason }: Verdict, home: string): Acceptable | undefined {
  if (reason.kind !== 'changed' || !isAcceptable(node.type)) return undefined;
  if (!reason.changes.some(({ address }) => address === node.address)) return undefined;
  if (inspectNode(home, reason.before).state !== 'done') return undefined;
  return { node: node.address, key: reason.before, instead: node.key };
}

/** What a file accepted, with what the artifact's declaration and the node's differ in. */
export function acceptedReport({ reason, instead }: Acceptance, preimage: PlanNode['preimage']): AcceptedReport {
  return { reason, instead: instead.key, changes: preimageChanges(preimage, instead.preimage) };
}

/** What a node needs, directly or through something that it needs, by key and nearest first, each in the role that it has first. */
function neededBy(
  plan: Plan,
  node: PlanNode,
  needs: (node: PlanNode) => Record<string, Key>,
): Map<Key, [role: string, node: PlanNode]> {
  const found = new Map<Key, [role: string, node: PlanNode]>();
  let generation = [node];
  while (generation.length > 0) {
    const before = generation.flatMap((one) => Object.entries(needs(one)));
    generation = [];
    for (const [role, key] of before) {
      const one = nodeOf(plan, key);
      if (!one || found.has(key)) continue;
      found.set(key, [role, one]);
      generation.push(one);
    }
  }
  return found;
}
