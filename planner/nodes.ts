import type { Source } from '../schemas/types/job.ts';
import type { LineageFile } from '../schemas/types/lineage.ts';
import { dataRoles } from './data.ts';
import { defaults } from './defaults.ts';
import { preimageOf, recipeIdentity } from './identity.ts';
import { canonicalJson, keyOf } from './key.ts';
import type { Key, Placement, PlanNode, Task } from './plan.ts';
import { own } from './tree.ts';

/** Everything of a node that its task does not say; `parents` are the models and tokenizers that it starts from. */
export type Circumstances = Omit<PlanNode, 'key' | 'preimage' | 'type' | 'recipe' | 'files' | 'accepted'> & {
  /** Absolute paths, of data nodes. */
  files?: string[];
};

/** Makes a node: gives it its key, and adds the data nodes that its task reads to its parents. */
export type MakeNode = (task: Task, of: Circumstances) => PlanNode;

/**
 * What makes the nodes of one plan, given the keys of its data nodes by role. Nodes may share a task, as those that differ
 * in their seed alone do, and parents, as the evaluations of one model do: what these add to their keys is then found once.
 * `accept` gives the node that stands in the plan: one with an artifact's key, where the file accepts that.
 */
export function nodeMaker(
  dataKeys: Readonly<Record<string, Key>>,
  accept: (node: PlanNode) => PlanNode = (node) => node,
): MakeNode {
  const known = new Map<Task['recipe'], Identified>();
  const starts = new Map<PlanNode['parents'], string>();
  return (task, of) => {
    const identified = known.get(task.recipe) ?? identify(task, dataKeys);
    known.set(task.recipe, identified);
    const { identity, written, data } = identified;
    const parents = starts.get(of.parents) ?? canonicalJson(of.parents, ['parents']);
    starts.set(of.parents, parents);
    written.parents = parents; // until the next node: to spread `written` for each would be slow
    const preimage = preimageOf(task.type, identity, of.seed, of.parents);
    const node: Circumstances & Omit<PlanNode, keyof Circumstances> = {
      type: task.type,
      recipe: task.recipe,
      key: keyOf(preimage, written),
      address: of.address,
      stage: of.stage,
      axes: of.axes,
      seed: of.seed,
      parents: data === null ? of.parents : { ...of.parents, ...data },
      preimage,
      files: of.files ?? [],
      placement: of.placement,
      architecture: of.architecture,
      settings: of.settings,
    };
    if (of.gates) node.gates = of.gates; // to spread them would be slow
    if (of.judge) node.judge = of.judge;
    return accept(node as PlanNode); // `...task` would keep the pair of type and recipe in sight of the compiler, at four times the cost
  };
}

/** What a task adds to the keys of its nodes: its recipe's identity, and the data nodes that it reads. */
interface Identified {
  identity: PlanNode['preimage'];
  /** Canonical JSON of all of the pre-image but seed and parents, by field; the parents are those of the newest node. */
  written: Record<string, string>;
  /** Null where it reads none. */
  data: Record<string, Key> | null;
}

function identify(task: Task, dataKeys: Readonly<Record<string, Key>>): Identified {
  const data: Record<string, Key> = {};
  for (const role of dataRoles(sourcesOf(task))) {
    const key = own(dataKeys, role);
    if (key) data[role] = key;
  }
  const identity = recipeIdentity(task, dataKeys);
  const { seed: _, parents: __, ...same } = preimageOf(task.type, identity, 0, {});
  const written: Record<string, string> = {};
  for (const [name, value] of Object.entries(same)) written[name] = canonicalJson(value, [name]);
  return { identity, written, data: Object.keys(data).length > 0 ? data : null };
}

/** Where a stage's nodes run: what its own entry says, else what `default` says. Without a stage, `default`. */
export function placementOf({ placement }: LineageFile, stage?: string): Placement {
  const entry = stage === undefined ? undefined : own(placement ?? {}, stage);
  const { device, checkpointEvery, timeout, recomputeActivations } = {
    ...defaults.placement,
    ...placement?.default,
    ...entry,
  };
  return {
    device,
    checkpointEvery,
    timeoutSeconds: seconds(timeout),
    ...(recomputeActivations && { recomputeActivations }),
  };
}

/** The sources of all data that a task reads. */
export function sourcesOf(task: Task): Source[] {
  switch (task.type) {
    case 'data':
    case 'adopt':
      return [];
    case 'tokenizer':
      return task.recipe.kind === 'bpe' ? task.recipe.data.map((part) => part.source) : [];
    case 'overlap':
      return [task.recipe.trained, ...task.recipe.against.map(({ selection }) => selection)].map(
        ({ source }) => source,
      );
    case 'pretrain':
    case 'cpt':
    case 'trunk':
      return task.recipe.mix.map((entry) => entry.source);
    case 'checkpoint':
      return task.recipe.run.mix.map((entry) => entry.source);
    case 'sft':
    case 'dpo':
    case 'rl':
    case 'reward':
    case 'generate':
      return [task.recipe.data.source];
    case 'build': {
      const compared = task.recipe.operation === 'decontaminate' ? task.recipe.against : [];
      return [...[task.recipe.data].flat(), ...compared].map(({ source }) => source);
    }
    case 'evaluate':
      return (task.recipe.kind === 'heldout' ? task.recipe.domains : task.recipe.tasks).map((part) => part.source);
  }
}

/** `30m`, `1.5h` in seconds. */
function seconds(time: string): number {
  const unit = { s: 1, m: 60, h: 3600, d: 86_400 }[time.slice(-1)] ?? 1;
  return Number(time.slice(0, -1)) * unit;
}
