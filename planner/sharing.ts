import type { Key, NodeType, PlanNode } from './plan.ts';
import { allFlops, priceOf } from './price.ts';
import { isTraining } from './stages.ts';

/** What training costs. */
export interface TrainingCost {
  /** Tokens trained on. */
  tokens: number;
  /** Floating-point operations, those of sampling in RL included. */
  flops: number;
  /** On one device. */
  seconds: number;
}

/** What it saves that models share what their chains begin with. */
export interface Savings {
  /** Final models: those that no other is trained from. */
  models: number;
  /** Every node once, as planned. */
  shared: TrainingCost;
  /** A run for each final model, from random weights to its end. */
  alone: TrainingCost;
  /** The difference, never below 0. */
  saved: TrainingCost;
}

/**
 * What a plan's training costs with and without sharing: alone, each final model trains its whole chain, so a node is
 * trained once for each final model that comes of it. A model that is evaluated on the way to another is no run of its
 * own. Evaluations, tokenizers and data are left out: there are as many of them either way. Where a file says the same
 * final model twice, at two addresses, that would be two runs.
 *
 * @param secondsOf a node's time on one device
 */
export function savings(plan: { nodes: readonly PlanNode[] }, secondsOf: (node: PlanNode) => number): Savings {
  const [shared, alone] = [noCost(), noCost()];
  let models = 0;
  for (const { node, runs, final } of runsAlone(plan)) {
    // A trunk of which no run is among the nodes is a part of one, and no model.
    if (final && node.type !== 'trunk') models += runs;
    const cost = costOf(node, secondsOf);
    add(shared, cost, 1);
    add(alone, cost, runs);
  }
  const saved = { ...alone };
  add(saved, shared, -1);
  return { models, shared, alone, saved };
}

/** A training node of a plan, as often as it would be trained without sharing. */
export interface RunsAlone {
  /** At the first of its addresses. */
  node: PlanNode;
  /** Final models that come of it, which is how many runs would train it. */
  runs: number;
  /** Whether none is trained from it. */
  final: boolean;
}

/** Each training node of a plan once, children before parents, with how many final models come of it; see `savings`. */
export function runsAlone(plan: { nodes: readonly PlanNode[] }): RunsAlone[] {
  const trained = plan.nodes.filter(({ type }) => isTraining(type) || isPart(type));
  const distinct = new Map<Key, { node: PlanNode; addresses: number }>();
  for (const node of trained) {
    const entry = distinct.get(node.key);
    if (entry) entry.addresses += 1;
    else distinct.set(node.key, { node, addresses: 1 });
  }
  // Children come after their parents, so that from the end each node's runs are all counted when its turn comes.
  const runs = new Map<Key, number>();
  return [...distinct.values()].toReversed().map(({ node, addresses }) => {
    const ofChildren = runs.get(node.key);
    const times = ofChildren ?? addresses;
    // A trunk comes of the parent of its branches.
    const parent = node.parents.trunk ?? node.parents.parent;
    if (parent) runs.set(parent, (runs.get(parent) ?? 0) + times);
    return { node, runs: times, final: ofChildren === undefined };
  });
}

/** Whether a node is the beginning of a run that may go on from it. */
function isPart(type: NodeType): boolean {
  return type === 'trunk' || type === 'checkpoint';
}

/** What it saves that runs under wsd share trunks. */
export interface TrunkSavings {
  /** Runs under wsd, each once. */
  runs: number;
  /** Trunks once, and a decay for each run, as planned. */
  branched: TrainingCost;
  /** Each run by itself from its start to its end, which is what runs of the same budgets under cosine take. */
  separate: TrainingCost;
  /** The difference, never below 0. */
  saved: TrainingCost;
}

/**
 * What trunks and branches save against separate runs of the same budgets, as cosine would have them: a run under cosine
 * cannot share, because its learning rate depends on its budget from the start. A run whose trunks are not all among the
 * nodes is left out, and a trunk that no run is of. Undefined where no run is left.
 *
 * @param secondsOf a node's time on one device, from the step that it starts at (`startsAt`)
 */
export function trunkSavings(
  plan: { nodes: readonly PlanNode[] },
  secondsOf: (node: PlanNode) => number,
): TrunkSavings | undefined {
  const [branched, separate] = [noCost(), noCost()];
  const byKey = new Map(plan.nodes.map((node) => [node.key, node]));
  const trunksOf = ({ parents }: PlanNode): PlanNode[] | undefined => {
    if (parents.trunk === undefined) return [];
    const trunk = byKey.get(parents.trunk);
    const before = trunk && trunksOf(trunk);
    return before && [...before, trunk];
  };
  const seen = new Set<Key>();
  let runs = 0;
  for (const node of plan.nodes) {
    const trunks = isTraining(node.type) && !seen.has(node.key) ? trunksOf(node) : undefined;
    if (trunks === undefined || trunks.length === 0) continue;
    runs += 1;
    add(separate, costOf({ ...node, startsAt: 0 }, secondsOf), 1);
    for (const part of [...trunks, node]) {
      if (!seen.has(part.key)) add(branched, costOf(part, secondsOf), 1);
      seen.add(part.key);
    }
  }
  if (runs === 0) return undefined;
  const saved = { ...separate };
  add(saved, branched, -1);
  return { runs, branched, separate, saved };
}

function costOf(node: PlanNode, secondsOf: (node: PlanNode) => number): TrainingCost {
  const price = priceOf(node);
  return { tokens: price.tokens.trained, flops: allFlops(price), seconds: secondsOf(node) };
}

function noCost(): TrainingCost {
  return { tokens: 0, flops: 0, seconds: 0 };
}

function add(to: TrainingCost, cost: TrainingCost, times: number): void {
  to.tokens += times * cost.tokens;
  to.flops += times * cost.flops;
  to.seconds += times * cost.seconds;
}
