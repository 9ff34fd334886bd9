import type { Acceptable } from '../planner/accept.ts';
import { type Change, type NodeInPlan, nodeOf } from '../planner/compare.ts';
import { preimageChanges } from '../planner/elided.ts';
import { needsOf } from '../planner/kinship.ts';
import { isAcceptable } from '../planner/misfit.ts';
import { addressNow } from '../planner/moved.ts';
import type { Acceptance, Key, Plan, PlanNode } from '../planner/plan.ts';
import { reasonText } from '../planner/reason.ts';
import type { Verdict } from '../planner/verdict.ts';
import { inspectNode } from '../store/artifact.ts';
import { findHome } from '../store/home.ts';
import { type Context, type ExitCode, exitCodes } from './context.ts';
import { CommandError } from './failure.ts';
import { planFile } from './lineage-file.ts';
import { judgeAgainstStore } from './plan.ts';
import { verdictOf } from './render/plan.ts';
import { renderWhy } from './render/why.ts';
import { findSubject } from './subject.ts';

/** What is known of one node's verdict. */
export interface WhyReport {
  lineage: string;
  address: string;
  key: string;
  verdict: Verdict['verdict'];
  reason: Verdict['reason'] & { text: string };
  /** What it starts from, nearest first. */
  ancestors: NeededNode[];
  /** What it, or something that it starts from, waits for besides: certificates, and what those read. */
  gates: NeededNode[];
  /** Where the file accepts an artifact for it: why, which key it would have, and what the two keys differ in. */
  accepted?: AcceptedReport;
  /** Where it was changed itself, and what it was before is in the store: what an entry of `accept` would keep. */
  acceptable?: Acceptable;
  /** What the key is the hash of. */
  preimage: PlanNode['preimage'];
}

/** A node that has to be done before another, with its own verdict. */
export interface NeededNode {
  role: string;
  address: string;
  key: string;
  verdict: Verdict['verdict'];
  text: string;
}

/** An artifact that stands for a node of another declaration. */
export interface AcceptedReport {
  reason: string;
  instead: string;
  /** From the artifact's pre-image to the one of the declaration. */
  changes: Omit<Change, 'address'>[];
}

/** `descent why NODE`: whether a node would run, and what decides that. The lineage file is read as it stands now. */
export async function why(text: string, options: { file?: string; json?: true }, context: Context): Promise<ExitCode> {
  const { plan, node } = await findNow(text, options.file, context);
  const verdicts = judgeAgainstStore(plan, context);
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
