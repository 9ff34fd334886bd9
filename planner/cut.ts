import { readAxes } from './axes.ts';
import { childrenIn, type Kin, parentsIn, reach } from './kinship.ts';
import type { Key, PlanNode } from './plan.ts';
import { isTraining } from './stages.ts';
import type { Source } from './syntax.ts';
import { own } from './tree.ts';

/** What nodes may cost together. A key counts once. */
export interface Limit {
  allowed: number;
  costOf: (node: PlanNode) => number;
}

/** One thing to leave out of a lineage: a value of an axis, or a final model with its evaluations. */
export type Piece = { kind: 'value'; axis: string; value: string } | { kind: 'model'; address: string };

/** What to leave out so that the rest keeps its limits. */
export interface Cut {
  /** In the order in which they were chosen. */
  pieces: Piece[];
  /** Nodes that go with them, of how many. */
  lost: number;
  of: number;
  /** What the rest costs, for each limit. */
  rest: number[];
}

/** Pieces of a cut: more would be another lineage. */
export const mostPieces = 10;

/**
 * The cheapest cut by a rule that can be followed by hand. Whole values of axes come first, final models only where no
 * values will do. In each round, of the pieces that suffice alone the one that loses fewest nodes is taken; where none
 * does, the one that takes most of what is too much for each node lost. Of what was taken, the earliest is given back
 * first that is not needed after all. Ties go to what is declared first. Null where ten pieces do not suffice.
 *
 * Sharing counts: a piece saves what no other node that stays needs, and trunks go with the last run that goes on from
 * them. The last value of an axis is never taken, and no value that a stage which does not vary over the axis starts from.
 */
export function cheapestCut(source: Source, nodes: readonly PlanNode[], limits: readonly Limit[]): Cut | null {
  const family = { parents: parentsIn(nodes), children: childrenIn(nodes) };
  const ofValue = valuesWithNodes(source, nodes, family);
  return (
    cutOf(nodes, limits, family, (left) => valuePieces(left, ofValue)) ??
    cutOf(nodes, limits, family, (left) => modelPieces(left, family))
  );
}

/** What nodes need, and what needs them. */
interface Family {
  parents: Kin;
  children: Kin;
}

/** A piece, with all nodes that have no place without it, be they still there or not; trunks follow from those. */
interface Candidate {
  piece: Piece;
  nodes: readonly PlanNode[];
}

function cutOf(
  nodes: readonly PlanNode[],
  limits: readonly Limit[],
  family: Family,
  candidatesOf: (left: readonly PlanNode[]) => Candidate[],
): Cut | null {
  const taken: Candidate[] = [];
  let left = nodes;
  while (isOver(left, limits)) {
    if (taken.length === mostPieces) return null;
    const next = bestOf(candidatesOf(left), left, limits, family);
    if (next === null) return null;
    taken.push(next);
    left = without(nodes, taken, family);
  }
  for (let needless = needlessOf(taken); needless; needless = needlessOf(taken)) {
    taken.splice(taken.indexOf(needless), 1);
    left = without(nodes, taken, family);
  }
  return {
    pieces: taken.map(({ piece }) => piece),
    lost: nodes.length - left.length,
    of: nodes.length,
    rest: limits.map((limit) => totalCost(left, limit)),
  };

  /** The first piece that can stay: what it has starts from nothing that goes, and all together keep the limits. */
  function needlessOf(pieces: readonly Candidate[]): Candidate | undefined {
    return pieces.find((candidate) => {
      const others = pieces.filter((one) => one !== candidate);
      const kept = without(nodes, others, family);
      if (isOver(kept, limits)) return false;
      const [there, keys] = [new Set(kept), new Set(kept.map(({ key }) => key))];
      return candidate.nodes.every(
        (node) => !there.has(node) || family.parents(node).every((parent) => keys.has(parent.key)),
      );
    });
  }
}

/** Sufficient alone and fewest nodes lost; else most of what is too much for each node lost. Null where none takes any. */
function bestOf(
  candidates: readonly Candidate[],
  left: readonly PlanNode[],
  limits: readonly Limit[],
  family: Family,
): Candidate | null {
  const addresses = new Map<Key, number>();
  for (const { key } of left) addresses.set(key, (addresses.get(key) ?? 0) + 1);
  const there = new Set(left);
  const over = limits.map((limit) => totalCost(left, limit) - limit.allowed);
  let best: { candidate: Candidate; suffices: boolean; worth: number } | null = null;
  for (const candidate of candidates) {
    const going = [...goingWith(candidate.nodes, there, family)];
    const gone = keysGone(going, addresses);
    const saved = limits.map(({ costOf }) => gone.reduce((sum, node) => sum + costOf(node), 0));
    const suffices = saved.every((amount, index) => amount >= (over[index] ?? 0));
    const shares = saved.map((amount, index) =>
      (over[index] ?? 0) > 0 ? Math.min(1, amount / (over[index] ?? 1)) : 0,
    );
    const share = shares.reduce((sum, part) => sum + part, 0);
    if (share === 0) continue;
    const worth = suffices ? 1 / going.length : share / going.length;
    const better = best === null || (suffices === best.suffices ? worth > best.worth : suffices);
    if (better) best = { candidate, suffices, worth };
  }
  return best?.candidate ?? null;
}

/** Of nodes that go, one for each key that no other address keeps. */
function keysGone(going: readonly PlanNode[], addresses: ReadonlyMap<Key, number>): PlanNode[] {
  const counts = new Map<Key, number>();
  for (const { key } of going) counts.set(key, (counts.get(key) ?? 0) + 1);
  const gone = new Map<Key, PlanNode>();
  for (const node of going) if (counts.get(node.key) === addresses.get(node.key)) gone.set(node.key, node);
  return [...gone.values()];
}

/** The nodes that have each value of each axis. Trunks have the values of one of several runs, and are left out. */
function nodesByValue(nodes: readonly PlanNode[]): Map<string, Map<string | number, PlanNode[]>> {
  const byValue = new Map<string, Map<string | number, PlanNode[]>>();
  for (const node of nodes) {
    if (node.type === 'trunk') continue;
    for (const [axis, value] of Object.entries(node.axes)) {
      const values = byValue.get(axis) ?? new Map<string | number, PlanNode[]>();
      byValue.set(axis, values);
      const having = values.get(value);
      if (having) having.push(node);
      else values.set(value, [node]);
    }
  }
  return byValue;
}

/** A value of an axis: the nodes that have it, and those that come of them and have another, or none. */
interface ValueWithNodes {
  axis: string;
  value: string | number;
  candidate: Candidate;
  pinned: readonly PlanNode[];
}

/** Each value of each axis that nodes have, in declared order. */
function valuesWithNodes(source: Source, nodes: readonly PlanNode[], { children }: Family): ValueWithNodes[] {
  const byValue = nodesByValue(nodes);
  return [...readAxes(source).values()].flatMap(({ name: axis, values }) =>
    values.flatMap(({ value, written }): ValueWithNodes[] => {
      const having = byValue.get(axis)?.get(value);
      if (having === undefined) return [];
      const after = reach(having, children, Number.POSITIVE_INFINITY);
      const pinned = [...after].filter((node) => node.type !== 'trunk' && own(node.axes, axis) !== value);
      const piece: Piece = { kind: 'value', axis, value: written };
      return [{ axis, value, candidate: { piece, nodes: having }, pinned }];
    }),
  );
}

/** Each value that is left, where others of its axis are left too and no stage that is left is pinned to it. */
function valuePieces(left: readonly PlanNode[], values: readonly ValueWithNodes[]): Candidate[] {
  const there = new Set(left);
  const stillThere = nodesByValue(left);
  return values.flatMap(({ axis, value, candidate, pinned }) => {
    const among = stillThere.get(axis);
    const isPiece = among?.has(value) && among.size > 1 && !pinned.some((node) => there.has(node));
    return isPiece ? [candidate] : [];
  });
}

/** Each model that no other is trained from, with its evaluations, where it is not the only model that is left. */
function modelPieces(left: readonly PlanNode[], { children }: Family): Candidate[] {
  const there = new Set(left);
  const models = left.filter(({ type }) => isTraining(type));
  if (models.length === 1) return [];
  return models.flatMap((node): Candidate[] => {
    const after = children(node).filter((child) => there.has(child));
    if (after.some(({ type }) => type !== 'evaluate')) return [];
    return [{ piece: { kind: 'model', address: node.address }, nodes: [node, ...after] }];
  });
}

function without(nodes: readonly PlanNode[], taken: readonly Candidate[], family: Family): PlanNode[] {
  const asked = taken.flatMap((candidate) => candidate.nodes);
  const gone = goingWith(asked, new Set(nodes), family);
  return nodes.filter((node) => !gone.has(node));
}

/** Those of some nodes that are there, and the trunks that nothing which stays goes on from. */
function goingWith(
  asked: readonly PlanNode[],
  there: ReadonlySet<PlanNode>,
  { parents, children }: Family,
): Set<PlanNode> {
  const going = new Set(asked.filter((node) => there.has(node)));
  // What is added while it is gone through is gone through too: a longer trunk goes before the one that it goes on from.
  for (const node of going) {
    for (const trunk of parents(node)) {
      if (trunk.type !== 'trunk' || !there.has(trunk)) continue;
      if (children(trunk).every((child) => going.has(child) || !there.has(child))) going.add(trunk);
    }
  }
  return going;
}

function isOver(nodes: readonly PlanNode[], limits: readonly Limit[]): boolean {
  return limits.some((limit) => totalCost(nodes, limit) > limit.allowed);
}

/** What nodes cost together, of what a limit limits; a key counts once. */
export function totalCost(nodes: readonly PlanNode[], { costOf }: Limit): number {
  const once = new Map(nodes.map((node) => [node.key, node]));
  let sum = 0;
  for (const node of once.values()) sum += costOf(node);
  return sum;
}
