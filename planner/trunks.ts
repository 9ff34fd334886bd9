import { startOf } from './identity.ts';
import { canonicalJson } from './key.ts';
import type { MakeNode } from './nodes.ts';
import type { Json, Key, PlanNode, Task } from './plan.ts';
import type { Run } from './point.ts';
import { atLength } from './wsd.ts';

/** A node that trains under wsd: a branch of a trunk. */
export type Branch = Run & { recipe: { schedule: 'wsd' } };
type TrunkTask = Extract<Task, { type: 'trunk' }>;
type Trunk = Extract<PlanNode, { type: 'trunk' }>;
type Checkpoint = Extract<PlanNode, { type: 'checkpoint' }>;

/** The beginning of a run, as a node of its own that the run goes on from. */
interface Beginning {
  node: Trunk | Checkpoint;
  /** The only run that begins so; null where each run of its chain does that is at its peak until then. */
  only: Key | null;
}

/**
 * The nodes of a plan with beginnings of runs as nodes of their own, which the runs go on from.
 *
 * - Of a run under wsd there is a trunk, the steps before its decay, which every run that begins so goes on from.
 * - A checkpoint that the file names is the beginning of its run (`runs`), under whichever schedule. Under wsd it is that
 *   of each run that begins so where it is before the decay, and else of its own alone.
 *
 * Beginnings of a run are a chain: each goes on from the longest before it, and the run from the last. Each comes before
 * the first node that needs it, directly or through a longer one, and a checkpoint has its evaluations with it, but for those
 * that a reward model scores, which stand behind that.
 *
 * What a run comes to is the same with them as without, byte for byte on a CPU, so they are in no key: of a run it is that of
 * the whole, of a beginning that of its steps from the start of the run. Another budget or another checkpoint beside them
 * changes none. Therefore a run under wsd that is alone has a trunk too: it costs no training, and a longer budget goes on
 * from it later.
 */
export function withTrunks(
  nodes: readonly PlanNode[],
  makeNode: MakeNode,
  runs: ReadonlyMap<PlanNode, Run> = new Map(),
): PlanNode[] {
  if (runs.size === 0 && !nodes.some(isBranch)) return [...nodes];
  const trunks = trunksOf(nodes, makeNode);
  const begun = new Set([...runs.values()].map(({ key }) => key));
  const chains = new Map<string, Beginning[]>();
  const chainOf = (run: Run) => {
    const trunk = trunks.get(run.key);
    return trunk ? familyOf(trunk) : run.key;
  };
  const add = (run: Run, beginning: Beginning) => {
    const chain = chains.get(chainOf(run)) ?? [];
    chains.set(chainOf(run), chain);
    if (!chain.some(({ node }) => node.key === beginning.node.key)) chain.push(beginning);
  };
  for (const node of nodes) {
    const trunk = isRun(node) && trunks.get(node.key);
    if (trunk) add(node, { node: trunk, only: null });
  }
  for (const [node, run] of runs) {
    if (node.type !== 'checkpoint') continue;
    const shared = node.recipe.steps <= peakSteps(run);
    add(run, { node, only: shared ? null : run.key });
  }
  // Of equal length the trunk comes first, and there is nothing to do after it.
  for (const chain of chains.values()) chain.sort((a, b) => a.node.recipe.steps - b.node.recipe.steps);

  /** The longest beginning of a run among some of its chain; of several that are as long the first. */
  const longest = (run: Run, among: readonly Beginning[]): Beginning['node'] | undefined => {
    let found: Beginning['node'] | undefined;
    for (const { node, only } of among) {
      const isOfRun = only === null ? node.recipe.steps <= peakSteps(run) : only === run.key;
      if (isOfRun && node.recipe.steps > (found?.recipe.steps ?? 0)) found = node;
    }
    return found;
  };
  const goesOn = new Map<Key, Beginning['node']>();
  const runOf = new Map([...runs].map(([node, run]) => [node.key, run]));
  for (const chain of chains.values()) {
    for (const [index, { node }] of chain.entries()) {
      const run = runOf.get(node.key);
      const earlier = chain.slice(0, index);
      const before = run ? longest(run, earlier) : earlier.findLast(({ only }) => only === null)?.node;
      if (before) goesOn.set(node.key, before);
    }
  }
  const before = (node: PlanNode): Beginning['node'] | undefined => {
    if (node.type === 'checkpoint') return goesOn.get(node.key);
    if (!isRun(node) || node.accepted || !(trunks.has(node.key) || begun.has(node.key))) return undefined;
    return longest(node, chains.get(chainOf(node)) ?? []);
  };
  return ordered(nodes, before, goesOn);
}

/** Nodes that go on from a beginning, each after all that it goes on from. */
function ordered(
  nodes: readonly PlanNode[],
  before: (node: PlanNode) => Beginning['node'] | undefined,
  goesOn: ReadonlyMap<Key, Beginning['node']>,
): PlanNode[] {
  const declared = new Map<Key, PlanNode[]>();
  for (const node of nodes)
    if (node.type === 'checkpoint') declared.set(node.key, [...(declared.get(node.key) ?? []), node]);
  const evaluations = new Map<string, PlanNode[]>();
  for (const node of nodes) {
    if (node.type !== 'evaluate' || !declared.has(node.parents.parent as Key) || node.parents.rewardModel) continue;
    const model = node.address.slice(0, node.address.lastIndexOf('/'));
    evaluations.set(model, [...(evaluations.get(model) ?? []), node]);
  }
  const placed = new Set<PlanNode | Key>();
  const all: PlanNode[] = [];
  const put = (node: PlanNode): void => {
    if (placed.has(node)) return;
    placed.add(node);
    all.push(goingOn(node, before(node) ?? goesOn.get(node.key)));
  };
  const place = (beginning: Beginning['node']): void => {
    const missing: Beginning['node'][] = [];
    for (
      let next: Beginning['node'] | undefined = beginning;
      next && !placed.has(next.key);
      next = goesOn.get(next.key)
    ) {
      missing.push(next);
      placed.add(next.key);
    }
    for (const each of missing.reverse()) {
      for (const node of declared.get(each.key) ?? [each]) {
        put(node);
        for (const evaluation of evaluations.get(node.address) ?? []) put(evaluation);
      }
    }
  };
  for (const node of nodes) {
    const beginning = before(node);
    if (beginning) place(beginning);
    put(node);
  }
  return all;
}

/** The trunk of each run under wsd, by the run's key; runs that begin alike have the same. */
function trunksOf(nodes: readonly PlanNode[], makeNode: MakeNode): Map<Key, Trunk> {
  const tasks = new Map<Branch['recipe'], TrunkTask>();
  const known = new Map<Key, Trunk>();
  const trunks = new Map<Key, Trunk>();
  for (const node of nodes) {
    if (!isBranch(node) || trunks.has(node.key)) continue;
    const task = tasks.get(node.recipe) ?? trunkTask(node);
    tasks.set(node.recipe, task);
    const made = makeTrunk(node, task, makeNode);
    const trunk = known.get(made.key) ?? made;
    known.set(trunk.key, trunk);
    trunks.set(node.key, trunk);
  }
  return trunks;
}

/** Whether a node trains under wsd; one that stands on an accepted artifact is not trained at all. */
export function isBranch(node: PlanNode): node is Branch {
  return !node.accepted && isRun(node) && node.recipe.schedule === 'wsd';
}

function isRun(node: PlanNode): node is Run {
  return node.type === 'pretrain' || node.type === 'cpt';
}

/** Steps before the decay of a run, which longer runs begin with too; none but under wsd. */
function peakSteps({ recipe }: Run): number {
  return recipe.schedule === 'wsd' ? recipe.steps - recipe.decaySteps : 0;
}

/** A node as it goes on from a beginning. */
function goingOn(node: PlanNode, beginning: Beginning['node'] | undefined): PlanNode {
  if (!beginning) return node;
  return { ...node, parents: { ...node.parents, trunk: beginning.key }, startsAt: beginning.recipe.steps };
}

/** All of a run but its decay, and what only its end depends on. */
function trunkTask({ recipe }: Branch): TrunkTask {
  const { minLr: _, schedule: __, decaySteps, steps: whole, mix, ...same } = recipe;
  const steps = whole - decaySteps;
  return { type: 'trunk', recipe: { ...same, steps, mix: atLength(mix, steps * recipe.batchSequences) } };
}

function makeTrunk(branch: Branch, task: TrunkTask, makeNode: MakeNode): Trunk {
  const {
    minLr: _,
    schedule: __,
    decaySteps: ___,
    replayTokens: ____,
    tokens,
    steps: whole,
    ...same
  } = branch.settings;
  const { steps } = task.recipe;
  const node = makeNode(task, {
    address: `${branch.address}/trunk`,
    stage: branch.stage,
    axes: branch.axes,
    seed: branch.seed,
    parents: startOf(branch.parents),
    placement: branch.placement,
    architecture: branch.architecture,
    settings: { ...same, tokens: (Number(tokens) / Number(whole)) * steps, steps },
  });
  return node as Trunk;
}

/** What trunks of one family of runs have in common: all but how long they are. */
function familyOf({ preimage }: Trunk): string {
  const { steps: _, ...recipe } = preimage.recipe as { [name: string]: Json };
  return canonicalJson({ ...preimage, recipe });
}
