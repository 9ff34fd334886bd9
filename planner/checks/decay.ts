import type { PretrainRecipe, SftRecipe } from '../../schemas/types/job.ts';
import type { LineageFile } from '../../schemas/types/lineage.ts';
import { type Diagnostic, diagnose } from '../diagnostic.ts';
import { usualRecipe } from '../identity.ts';
import type { Json, Key, PlanNode } from '../plan.ts';
import type { DeclaredStage } from '../stages.ts';
import type { Source } from '../syntax.ts';
import { own } from '../tree.ts';

/**
 * Checks that what a stage starts from was trained to the end of its schedule: a parent whose learning rate ends where it
 * peaked is refused, because what it is capable of shows only after a decay (EvoLM, arXiv 2506.16029, takes no such
 * checkpoint), unless the stage says `allowUndecayed` and why. Once for each stage, with the first of its variants.
 *
 * RL stays at its learning rate by design and has no other schedule, so what starts from an RL stage is not refused. What
 * was trained is in a node's pre-image, and that of an accepted artifact is its own, whatever the file declares.
 */
export function* checkDecay(
  source: Source,
  accepts: LineageFile['accept'],
  stages: ReadonlyMap<string, DeclaredStage>,
  nodes: readonly PlanNode[],
): Generator<Diagnostic> {
  const trained = new Map<Key, PlanNode>();
  /** Recipes that decay: nodes share them, as a model's seeds do. */
  const decayed = new Set<Json | undefined>();
  const told = new Set<string>();
  for (const node of nodes) {
    if (node.type === 'evaluate' || node.type === 'trunk' || node.type === 'generate') continue;
    trained.set(node.key, node);
    const parent = trained.get((node.preimage.parents as PlanNode['parents']).parent as Key);
    const stage = stages.get(node.stage);
    if (!parent || !stage || told.has(stage.name) || own(stage.body, 'allowUndecayed') !== undefined) continue;
    if (decayed.has(parent.preimage.recipe)) continue;
    const ended = undecayed(parent);
    if (!ended) {
      decayed.add(parent.preimage.recipe);
      continue;
    }
    told.add(stage.name);
    yield diagnose(
      source.file,
      source.place(['stages', stage.name, stage.kind ?? '', 'from']),
      'undecayed-parent',
      `\`${node.address}\` starts from \`${parent.address}\`, which has decayed by 0 %: its learning rate ends at ${ended.lr}, its peak (${ended.why})`,
      parent.accepted ? acceptedThere(source, accepts, parent) : declaredThere(source, parent, ended),
    );
  }
}

/** How a training ended that did not decay: its last learning rate, what made it so, and where the file may say that. */
export interface Undecayed {
  lr: number;
  why: string;
  field: 'schedule' | 'minLr' | 'warmup';
}

/** What goes with a refusal: where the learning rate was settled, and what to do. */
type Advice = Pick<Diagnostic, 'hint' | 'related'>;

/** How a training ended at its peak; undefined for what decayed, and for what has no schedule to decay by. */
export function undecayed({ type, preimage }: PlanNode): Undecayed | undefined {
  if (type !== 'pretrain' && type !== 'cpt' && type !== 'sft' && type !== 'dpo') return undefined;
  const said = preimage.recipe as { [name: string]: Json };
  const recipe = { ...usualRecipe(type, said), ...said } as unknown as PretrainRecipe | SftRecipe;
  const { lr } = recipe;
  if (recipe.schedule === 'constant') return { lr, why: '`schedule: constant`', field: 'schedule' };
  if (recipe.minLr === lr) return { lr, why: `\`minLr\` is \`lr\``, field: 'minLr' };
  if (recipe.schedule === 'cosine' && recipe.warmup === 1) return { lr, why: 'all of it is warm-up', field: 'warmup' };
  return undefined;
}

/** What there is to see and to do where the file declares a parent that does not decay. */
function declaredThere(source: Source, { stage, type }: PlanNode, { field }: Undecayed): Advice {
  const schedules = `\`schedule: cosine\`${type === 'pretrain' || type === 'cpt' ? ' or `wsd`' : ''}`;
  return {
    hint: `let \`${stage}\` decay (${schedules}, \`minLr\` below \`lr\`), or say here \`allowUndecayed: "<reason>"\``,
    related: [{ ...source.place(['stages', stage, type, field]), message: 'it stays at its peak' }],
  };
}

/** Likewise where it accepts one. */
function acceptedThere(source: Source, accepts: LineageFile['accept'], { address }: PlanNode): Advice {
  const index = (accepts ?? []).findIndex(({ node }) => node === address);
  return {
    hint: `accept an artifact for \`${address}\` that decayed, or none, or say here \`allowUndecayed: "<reason>"\``,
    related: [{ ...source.place(['accept', index, 'key']), message: 'the artifact stays at its peak' }],
  };
}
