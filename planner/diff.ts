import { type Change, type NodeInPlan, nodeOf, ownChanges } from './compare.ts';
import { nodeUnderNewNames, placesByAddress, underNewNames } from './moved.ts';
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

/** Two plans, address by address; what the second one's file says was renamed is compared under the new name. */
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
  const { moved } = after.plan.declared;
  const stages: StagePair[] = [];
  let parting: number | null = null;
  const add = (one: PlanNode | null, other: PlanNode | null): void => {
    const type = (one ?? other)?.type as NodeType;
    const explained = parting !== null;
    const changes =
      one && other
        ? ownChanges(
            nodeUnderNewNames({ plan: before.plan, node: one }, moved),
            { plan: after.plan, node: other },
            explained,
          )
        : [];
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

/**
 * Two plans, node by node under the addresses that both have. `before` is the earlier one: it is read under the names that the
 * file of `after` says things have now. What its own file says was renamed is of names from before it, and means nothing here.
 */
export function diffPlans(before: Plan, after: Plan): PlanDiff {
  const then = underNewNames(before, after.declared.moved);
  const places = placesByAddress(before, then);
  const addresses = new Set(after.nodes.map(({ address }) => address));
  const left = before.nodes.filter((_, place) => {
    const address = then.nodes[place]?.address ?? '';
    return !addresses.has(address) || places.get(address) !== place;
  });
  const diff: PlanDiff = {
    same: 0,
    renamed: [],
    changed: [],
    following: 0,
    onlyBefore: left,
    onlyAfter: [],
  };
  for (const node of after.nodes) {
    const place = places.get(node.address) ?? -1;
    const [one, counterpart] = [before.nodes[place], then.nodes[place]];
    if (!one || !counterpart) diff.onlyAfter.push(node);
    else if (one.key === node.key) {
      diff.same += 1;
      if (one.address !== node.address) diff.renamed.push({ before: one, after: node });
    } else {
      const inherited = Object.entries(node.parents).some(([role, key]) => own(counterpart.parents, role) !== key);
      const changes = ownChanges({ plan: then, node: counterpart }, { plan: after, node }, inherited);
      if (changes.length > 0) diff.changed.push({ before: one, after: node, changes });
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
