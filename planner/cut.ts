import { readAxes } from './axes.ts';
import { childrenIn, type Kin, reach } from './kinship.ts';
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
 * Sharing counts: a piece saves what no other node that stays needs. The last value of an axis is never taken, and no
 * value that a stage which does not vary over the axis starts from.
 */
export function cheapestCut(source: Source, nodes: readonly PlanNode[], limits: readonly Limit[]): Cut | null {
  const children = childrenIn(nodes);
  return (
    cutOf(nodes, limits, (left) => valuePieces(source, left, children)) ??
    cutOf(nodes, limits, (left) => modelPieces(left, children))
  );
}

/** A piece, with the nodes that go when it is taken. */
interface Candidate {
  piece: Piece;
  nodes: readonly PlanNode[];
}

function cutOf(
  nodes: readonly PlanNode[],
  limits: readonly Limit[],
  candidatesOf: (left: readonly PlanNode[]) => Candidate[],
): Cut | null {
  const taken: Candidate[] = [];
  let left = nodes;
  while (isOver(left, limits)) {
    if (taken.length === mostPieces) return null;
    const next = bestOf(candidatesOf(left), left, limits);
    if (next === null) return null;
    taken.push(next);
    left = without(nodes, taken);
  }
  for (const candidate of [...taken]) {
    const fewer = taken.filter((one) => one !== candidate);
    // A model that is final only because others went cannot stay where those go: those are the later ones.
    if (candidate.piece.kind === 'value' && !isOver(without(nodes, fewer), limits))
      taken.splice(taken.indexOf(candidate), 1);
  }
  const rest = without(nodes, taken);
  return {
    pieces: taken.map(({ piece }) => piece),
    lost: nodes.length - rest.length,
    of: nodes.length,
    rest: limits.map((limit) => totalCost(rest, limit)),
  };
}

/** Sufficient alone and fewest nodes lost; else most of what is too much for each node lost. Null where none takes any. */
function bestOf(
  candidates: readonly Candidate[],
  left: readonly PlanNode[],
  limits: readonly Limit[],
): Candidate | null {
  const addresses = new Map<Key, number>();
  for (const { key } of left) addresses.set(key, (addresses.get(key) ?? 0) + 1);
  const there = new Set(left);
  const over = limits.map((limit) => totalCost(left, limit) - limit.allowed);
  let best: { candidate: Candidate; suffices: boolean; worth: number } | null = null;
  for (const candidate of candidates) {
    const going = candidate.nodes.filter((node) => there.has(node));
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
    if (better) best = { candidate: { piece: candidate.piece, nodes: going }, suffices, worth };
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

/** Each value of each axis with the nodes that have it, where others of the axis are left and no stage is pinned to it. */
function valuePieces(source: Source, left: readonly PlanNode[], children: Kin): Candidate[] {
  const byValue = new Map<string, Map<string | number, PlanNode[]>>();
  for (const node of left) {
    for (const [axis, value] of Object.entries(node.axes)) {
      const values = byValue.get(axis) ?? new Map<string | number, PlanNode[]>();
      byValue.set(axis, values);
      const having = values.get(value);
      if (having) having.push(node);
      else values.set(value, [node]);
    }
  }
  return [...readAxes(source).values()].flatMap(({ name, values }) => {
    const there = byValue.get(name);
    if (there === undefined || there.size < 2) return [];
    return values.flatMap(({ value, written }): Candidate[] => {
      const having = there.get(value) ?? [];
      const after = reach(having, children, Number.POSITIVE_INFINITY);
      const pinned = [...after].some(({ axes }) => own(axes, name) !== value);
      return pinned || having.length === 0
        ? []
        : [{ piece: { kind: 'value', axis: name, value: written }, nodes: having }];
    });
  });
}

/** Each model that no other is trained from, with its evaluations, where it is not the only model that is left. */
function modelPieces(left: readonly PlanNode[], children: Kin): Candidate[] {
  const there = new Set(left);
  const models = left.filter(({ type }) => isTraining(type));
  if (models.length === 1) return [];
  return models.flatMap((node): Candidate[] => {
    const after = children(node).filter((child) => there.has(child));
    if (after.some(({ type }) => type !== 'evaluate')) return [];
    return [{ piece: { kind: 'model', address: node.address }, nodes: [node, ...after] }];
  });
}

function without(nodes: readonly PlanNode[], taken: readonly Candidate[]): PlanNode[] {
  const gone = new Set(taken.flatMap((candidate) => candidate.nodes));
  return nodes.filter((node) => !gone.has(node));
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
