import { type Change, type NodeInPlan, nodeOf, ownChanges } from './compare.ts';
import { addressNow, type Moved, nodeUnderNewNames, underNewNames } from './moved.ts';
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

/** Two plans, address by address; what either file says was renamed is compared under the new name. */
export interface PlanDiff {
  /** Addresses with one key in both. */
  same: number;
  /** Nodes with one key in both and two addresses, because of a rename; they are among `same`. */
  renamed: { before: PlanNode; after: PlanNode }[];
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
  const moved = renamesOf(before.plan, after.plan);
  const named = ({ plan }: NodeInPlan, node: PlanNode) => nodeUnderNewNames({ plan, node }, moved);
  const stages: StagePair[] = [];
  let parting: number | null = null;
  const add = (one: PlanNode | null, other: PlanNode | null): void => {
    const type = (one ?? other)?.type as NodeType;
    const explained = parting !== null;
    const changes = one && other ? ownChanges(named(before, one), named(after, other), explained) : [];
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
  const moved = renamesOf(before, after);
  const [then, now] = [underNewNames(before, moved), underNewNames(after, moved)];
  const places = new Map(then.nodes.map(({ address }, place) => [address, place]));
  const addresses = new Set(now.nodes.map(({ address }) => address));
  const diff: PlanDiff = {
    same: 0,
    renamed: [],
    changed: [],
    following: 0,
    onlyBefore: before.nodes.filter(({ address }) => !addresses.has(addressNow(moved, address))),
    onlyAfter: [],
  };
  for (const [place, node] of now.nodes.entries()) {
    const counterpart = then.nodes[places.get(node.address) ?? -1];
    const [one, other] = [before.nodes[places.get(node.address) ?? -1], after.nodes[place]];
    if (!other) continue;
    if (!counterpart || !one) diff.onlyAfter.push(other);
    else if (one.key === other.key) {
      diff.same += 1;
      if (one.address !== other.address) diff.renamed.push({ before: one, after: other });
    } else {
      const inherited = Object.entries(node.parents).some(([role, key]) => own(counterpart.parents, role) !== key);
      const changes = ownChanges({ plan: then, node: counterpart }, { plan: now, node }, inherited);
      if (changes.length > 0) diff.changed.push({ before: one, after: other, changes });
      else diff.following += 1;
    }
  }
  return diff;
}

/** The renames that either file tells of. */
function renamesOf(before: Plan, after: Plan): Moved[] {
  return before === after ? [] : [...(before.declared.moved ?? []), ...(after.declared.moved ?? [])];
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
