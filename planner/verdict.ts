import { type Change, changesBetween, type KnownChanges } from './compare.ts';
import { placesByAddress, underNewNames } from './moved.ts';
import type { Key, Plan, PlanNode } from './plan.ts';
import { sparing } from './spared.ts';

/** What ended the newest attempt, as its trainer said or its worker found. */
export interface Failure {
  kind: string;
  message: string;
}

/** What the store holds under a key. */
export type NodeState =
  | { state: 'none' }
  | { state: 'partial'; attempt: number; step: number | null; failure?: Failure }
  | { state: 'done'; attempt: number; finishedAt: string }
  | { state: 'damaged'; reason: string };

/** What will happen to a node, and why. */
export type Verdict =
  | { verdict: 'reuse'; reason: { kind: 'done'; attempt: number; finishedAt: string } }
  /** A trunk that need not be there: see `sparing`. */
  | { verdict: 'reuse'; reason: { kind: 'spared' } }
  | {
      verdict: 'resume';
      reason: { kind: 'checkpoint'; attempt: number; step: number; steps: number | null; failure?: Failure };
    }
  | { verdict: 'run'; reason: RunReason };

/** A verdict in a word. What was forced runs like anything else, and is a word of its own. */
export type VerdictWord = Verdict['verdict'] | 'forced';

/** Why a node has to run from its beginning. */
export type RunReason =
  /** Nothing of it was ever run here, and no earlier plan has its address. */
  | { kind: 'new' }
  /**
   * An earlier plan has another key at its address, or at `movedFrom` where it was renamed since. `planned`: a plan after
   * that one has this very key already, so the change need not be why it is not in the store.
   */
  | { kind: 'changed'; before: Key; movedFrom?: string; planned?: true; changes: Change[] }
  /** Every earlier plan that has its address has this very key, and the store has nothing of it. */
  | { kind: 'missing' }
  /** It was done, and what it left can no longer be used. */
  | { kind: 'damaged'; what: string }
  /** It was begun, and has no checkpoint to go on from. */
  | { kind: 'stopped'; attempt: number; failure?: Failure }
  /** A person asked for another attempt, though the one before is done and kept. */
  | { kind: 'forced'; attempt: number };

/**
 * What will happen to each node of a plan, and why. A finished node is reused though its parent runs again: its key covers
 * the parent's, so the parent would come out the same. `earlier` are the plans of the same lineage that were run before,
 * the newest first: a node of which the store has nothing is compared with the newest that had another key at its address,
 * what the plan's file has moved under its old name. Whether a plan in between had the same key is told as well: whether
 * the node was ever done, and its artifact is gone, the store does not know. `part` are the nodes that are meant to run, with what they need, where these are not
 * all: trunks are there for those. `state` looks at a key's attempts from `from` on: of a node that is forced, older ones
 * do not count.
 */
export function judge(
  plan: Plan,
  state: (key: Key, from?: number) => NodeState,
  earlier: Iterable<Plan> = [],
  part: readonly PlanNode[] = plan.nodes,
): Map<Key, Verdict> {
  const states = new Map<Key, NodeState>();
  for (const { key, attempt } of plan.nodes) if (!states.has(key)) states.set(key, state(key, attempt));
  const isDone = (key: Key) => states.get(key)?.state === 'done';
  const isSpared = sparing(part);
  const verdicts = new Map<Key, Verdict>();
  const fresh: PlanNode[] = [];
  for (const node of plan.nodes) {
    if (verdicts.has(node.key)) continue;
    const spared =
      node.type === 'trunk' && node.attempt === undefined && !isDone(node.key) && isSpared(node.key, isDone);
    const verdict: Verdict = spared
      ? { verdict: 'reuse', reason: { kind: 'spared' } }
      : judgeAlone(node, states.get(node.key) as NodeState);
    verdicts.set(node.key, verdict);
    if (verdict.reason.kind === 'new') fresh.push(node);
  }
  const planned = new Set<Key>();
  for (const { node, before, changes } of changesSince(earlier, plan, fresh)) {
    if (before.key === node.key) {
      planned.add(node.key);
      verdicts.set(node.key, { verdict: 'run', reason: { kind: 'missing' } });
      continue;
    }
    const reason: RunReason = {
      kind: 'changed',
      before: before.key,
      ...(before.address !== node.address && { movedFrom: before.address }),
      ...(planned.has(node.key) && { planned: true }),
      changes,
    };
    verdicts.set(node.key, { verdict: 'run', reason });
  }
  return verdicts;
}

/** A node's verdict. Throws where `verdicts` were made for another plan. */
export function verdictOf(node: PlanNode, verdicts: ReadonlyMap<Key, Verdict>): Verdict {
  const verdict = verdicts.get(node.key);
  if (!verdict) throw new Error(`no verdict for ${node.address}`);
  return verdict;
}

/** The verdict of a node by what the store has of it, whatever earlier plans and the rest of its own may say. */
export function judgeAlone(node: PlanNode, found: NodeState): Verdict {
  switch (found.state) {
    case 'none':
      if (node.attempt !== undefined) return { verdict: 'run', reason: { kind: 'forced', attempt: node.attempt } };
      return { verdict: 'run', reason: { kind: 'new' } };
    case 'done':
      return { verdict: 'reuse', reason: { kind: 'done', attempt: found.attempt, finishedAt: found.finishedAt } };
    case 'damaged':
      return { verdict: 'run', reason: { kind: 'damaged', what: found.reason } };
    case 'partial': {
      const { attempt, step } = found;
      const failed = found.failure && { failure: found.failure };
      if (step === null) return { verdict: 'run', reason: { kind: 'stopped', attempt, ...failed } };
      const steps = 'steps' in node.recipe ? node.recipe.steps : null;
      return { verdict: 'resume', reason: { kind: 'checkpoint', attempt, step, steps, ...failed } };
    }
    default:
      return found satisfies never;
  }
}

/** The word for a node's verdict. */
export function verdictWord({ verdict, reason }: Verdict): VerdictWord {
  return reason.kind === 'forced' ? 'forced' : verdict;
}

/** The word for all that a lineage has to do: what is the least usual of its nodes' words. */
export function lineageWord(verdicts: Iterable<Verdict>): VerdictWord {
  const words = new Set(Array.from(verdicts, verdictWord));
  return unusualFirst.find((word) => words.has(word)) ?? 'reuse';
}

const unusualFirst: readonly VerdictWord[] = ['forced', 'resume', 'run', 'reuse'];

/**
 * What changed of each node since the newest plan that had another key at its address; `before` is the node as it was
 * there. Plans in between that had the same key are given too, with no changes.
 */
function* changesSince(
  earlier: Iterable<Plan>,
  plan: Plan,
  nodes: readonly PlanNode[],
): Generator<{ node: PlanNode; before: PlanNode; changes: Change[] }> {
  let unexplained = nodes;
  if (unexplained.length === 0) return;
  for (const asItWas of earlier) {
    const old = underNewNames(asItWas, plan.declared.moved);
    const places = placesByAddress(asItWas, old);
    const known: KnownChanges = new Map();
    const left: PlanNode[] = [];
    for (const node of unexplained) {
      const place = places.get(node.address) ?? -1;
      const [counterpart, before] = [old.nodes[place], asItWas.nodes[place]];
      if (!counterpart || !before || before.key === node.key) left.push(node);
      if (counterpart && before)
        yield {
          node,
          before,
          changes:
            before.key === node.key ? [] : changesBetween({ plan: old, node: counterpart }, { plan, node }, known),
        };
    }
    unexplained = left;
    if (unexplained.length === 0) return;
  }
}
