import { type Change, type NodeInPlan, nodeOf, ownChanges } from './compare.ts';
import type { NodeType, Plan, PlanNode } from './plan.ts';
import { own } from './tree.ts';

/** One stage of two chains side by side; a side is null where its chain has no such stage. */
export interface StagePair {
  type: NodeType;
  before: PlanNode | null;
  after: PlanNode | null;
  /** What differs in the stage itself; none where it is on one side only. */
  changes: Change[];
}

/** Two chains, from the tokenizer to the nodes that were asked about. */
export interface ChainDiff {
  stages: StagePair[];
  /** Place in `stages` where the chains part: the first with other keys, or on one side only. Null where they never do. */
  parting: number | null;
}

/** Two plans, address by address. */
export interface PlanDiff {
  /** Addresses with one key in both. */
  same: number;
  /** Nodes whose own recipe differs, parents first; what only follows from them is counted in `following`. */
  changed: { before: PlanNode; after: PlanNode; changes: Change[] }[];
  /** Nodes with other keys for no reason but an ancestor. */
  following: number;
  onlyBefore: PlanNode[];
  onlyAfter: PlanNode[];
}

/**
 * Two nodes stage by stage, with all that they start from. Stages of one type stand beside each other, the second CPT
 * beside the second; where one chain has a stage more, the other side is empty.
 */
export function diffNodes(before: NodeInPlan, after: NodeInPlan): ChainDiff {
  const [old, now] = [chainOf(before), chainOf(after)];
  const stages: StagePair[] = [];
  let parting: number | null = null;
  const add = (one: PlanNode | null, other: PlanNode | null): void => {
    const type = (one ?? other)?.type as NodeType;
    const explained = parting !== null;
    const changes =
      one && other ? ownChanges({ plan: before.plan, node: one }, { plan: after.plan, node: other }, explained) : [];
    if (one?.key !== other?.key) parting ??= stages.length;
    stages.push({ type, before: one, after: other, changes });
  };
  let [at, place] = [0, 0];
  while (at < old.length || place < now.length) {
    const [one, other] = [old[at], now[place]];
    if (one && other && one.type === other.type) {
      add(one, other);
      at += 1;
      place += 1;
    } else if (one && (!other || !now.slice(place).some(({ type }) => type === one.type))) {
      add(one, null);
      at += 1;
    } else if (other) {
      add(null, other);
      place += 1;
    }
  }
  return { stages, parting };
}

/** Two plans, node by node under the addresses that both have. */
export function diffPlans(before: Plan, after: Plan): PlanDiff {
  const old = new Map(before.nodes.map((node) => [node.address, node]));
  const now = new Set(after.nodes.map(({ address }) => address));
  const diff: PlanDiff = {
    same: 0,
    changed: [],
    following: 0,
    onlyBefore: before.nodes.filter(({ address }) => !now.has(address)),
    onlyAfter: [],
  };
  for (const node of after.nodes) {
    const counterpart = old.get(node.address);
    if (!counterpart) diff.onlyAfter.push(node);
    else if (counterpart.key === node.key) diff.same += 1;
    else {
      const inherited = Object.entries(node.parents).some(([role, key]) => own(counterpart.parents, role) !== key);
      const changes = ownChanges({ plan: before, node: counterpart }, { plan: after, node }, inherited);
      if (changes.length > 0) diff.changed.push({ before: counterpart, after: node, changes });
      else diff.following += 1;
    }
  }
  return diff;
}

/** A node and the models it comes from, oldest first, beginning with the tokenizer. */
function chainOf({ plan, node }: NodeInPlan): PlanNode[] {
  const chain: PlanNode[] = [];
  for (
    let next: PlanNode | undefined = node;
    next;
    next = nodeOf(plan, next.parents.parent ?? next.parents.tokenizer)
  ) {
    chain.unshift(next);
  }
  return chain;
}
