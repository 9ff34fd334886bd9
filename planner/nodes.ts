import type { Source } from '../schemas/types/job.ts';
import type { LineageFile } from '../schemas/types/lineage.ts';
import { dataRoles } from './data.ts';
import { defaults } from './defaults.ts';
import { preimageOf } from './identity.ts';
import { keyOf } from './key.ts';
import type { Key, Placement, PlanNode, Task } from './plan.ts';
import { own } from './tree.ts';

/** Everything of a node that its task does not say. */
export type Circumstances = Omit<PlanNode, 'key' | 'preimage' | 'type' | 'recipe' | 'files'> & {
  /** Keys of all data nodes, by role; those that the task's sources name become parents. */
  dataKeys: Readonly<Record<string, Key>>;
  /** Absolute paths, of data nodes. */
  files?: string[];
};

/** A node with its key. */
export function makeNode(task: Task, of: Circumstances): PlanNode {
  const parents = { ...of.parents };
  for (const role of dataRoles(sourcesOf(task))) {
    const key = own(of.dataKeys, role);
    if (key) parents[role] = key;
  }
  const preimage = preimageOf(task, of.seed, parents);
  const node = {
    type: task.type,
    recipe: task.recipe,
    key: keyOf(preimage),
    address: of.address,
    stage: of.stage,
    axes: of.axes,
    seed: of.seed,
    parents,
    preimage,
    files: of.files ?? [],
    placement: of.placement,
    architecture: of.architecture,
    settings: of.settings,
  };
  return node as PlanNode; // `...task` would keep the pair of type and recipe in sight of the compiler, at four times the cost
}

/** Where a stage's nodes run: what its own entry says, else what `default` says. Without a stage, `default`. */
export function placementOf({ placement }: LineageFile, stage?: string): Placement {
  const entry = stage === undefined ? undefined : own(placement ?? {}, stage);
  const { device, checkpointEvery, timeout } = { ...defaults.placement, ...placement?.default, ...entry };
  return { device, checkpointEvery, timeoutSeconds: seconds(timeout) };
}

function sourcesOf(task: Task): Source[] {
  switch (task.type) {
    case 'data':
      return [];
    case 'tokenizer':
      return task.recipe.kind === 'bpe' ? task.recipe.data.map((part) => part.source) : [];
    case 'pretrain':
    case 'cpt':
      return task.recipe.mix.map((entry) => entry.source);
    case 'sft':
    case 'rl':
      return [task.recipe.data.source];
    case 'evaluate':
      return (task.recipe.kind === 'heldout' ? task.recipe.domains : task.recipe.tasks).map((part) => part.source);
  }
}

/** `30m`, `1.5h` in seconds. */
function seconds(time: string): number {
  const unit = { s: 1, m: 60, h: 3600, d: 86_400 }[time.slice(-1)] ?? 1;
  return Number(time.slice(0, -1)) * unit;
}
