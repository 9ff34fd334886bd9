import { startOf } from './identity.ts';
import { canonicalJson } from './key.ts';
import type { MakeNode } from './nodes.ts';
import type { Json, Key, PlanNode, Task } from './plan.ts';
import { atLength } from './wsd.ts';

/** A node that trains under wsd: a branch of a trunk. */
export type Branch = Extract<PlanNode, { type: 'pretrain' | 'cpt' }> & { recipe: { schedule: 'wsd' } };
type TrunkTask = Extract<Task, { type: 'trunk' }>;
type Trunk = Extract<PlanNode, { type: 'trunk' }>;

/**
 * The nodes of a plan with those that train under wsd as branches of trunks: the steps before a run's decay are a node of
 * their own, which every run that begins so goes on from; where one run decays later than another, the longer trunk goes on
 * from the shorter. Each trunk comes before the first node that needs it, directly or through a longer trunk.
 *
 * What a run comes to is the same with a trunk as without, byte for byte on a CPU, so trunks are in no key: of a branch it
 * is that of the whole run, of a trunk that of its steps from the start of the run. Another budget beside them changes none.
 * Therefore a run that is alone has a trunk too: it costs no training, and a longer budget goes on from it later.
 */
export function withTrunks(nodes: readonly PlanNode[], makeNode: MakeNode): PlanNode[] {
  if (!nodes.some(isBranch)) return [...nodes];
  const tasks = new Map<Branch['recipe'], TrunkTask>();
  const trunks = new Map<Key, Trunk>();
  const chains = new Map<string, Trunk[]>();
  const ofBranch = new Map<PlanNode, Trunk>();
  for (const node of nodes) {
    if (!isBranch(node)) continue;
    const task = tasks.get(node.recipe) ?? trunkTask(node);
    tasks.set(node.recipe, task);
    const made = makeTrunk(node, task, makeNode);
    const trunk = trunks.get(made.key) ?? made;
    ofBranch.set(node, trunk);
    if (trunks.has(trunk.key)) continue;
    trunks.set(trunk.key, trunk);
    const run = runOf(trunk);
    chains.set(run, [...(chains.get(run) ?? []), trunk]);
  }
  const goesOn = new Map<Key, Trunk>();
  for (const chain of chains.values()) {
    chain.sort((a, b) => a.recipe.steps - b.recipe.steps);
    for (const [index, trunk] of chain.entries()) {
      const before = chain[index - 1];
      if (before) goesOn.set(trunk.key, before);
    }
  }

  const placed = new Set<Key>();
  const ordered: PlanNode[] = [];
  const place = (trunk: Trunk): void => {
    const missing: Trunk[] = [];
    for (let next: Trunk | undefined = trunk; next && !placed.has(next.key); next = goesOn.get(next.key)) {
      missing.push(next);
      placed.add(next.key);
    }
    for (const each of missing.reverse()) ordered.push(goingOn(each, goesOn.get(each.key)));
  };
  for (const node of nodes) {
    const trunk = ofBranch.get(node);
    if (trunk) place(trunk);
    ordered.push(goingOn(node, trunk));
  }
  return ordered;
}

/** Whether a node trains under wsd; one that stands on an accepted artifact is not trained at all. */
export function isBranch(node: PlanNode): node is Branch {
  return !node.accepted && (node.type === 'pretrain' || node.type === 'cpt') && node.recipe.schedule === 'wsd';
}

/** A node as it starts from a trunk. */
function goingOn(node: PlanNode, trunk: Trunk | undefined): PlanNode {
  if (!trunk) return node;
  return { ...node, parents: { ...node.parents, trunk: trunk.key }, startsAt: trunk.recipe.steps };
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

/** What trunks of one run have in common: all but how long they are. */
function runOf({ preimage }: Trunk): string {
  const { steps: _, ...recipe } = preimage.recipe as { [name: string]: Json };
  return canonicalJson({ ...preimage, recipe });
}
