import { peakEnding } from '../../schemas/decay.ts';
import type { CheckpointRecipe, PretrainRecipe, SftRecipe } from '../../schemas/types/job.ts';
import type { LineageFile } from '../../schemas/types/lineage.ts';
import { type Diagnostic, diagnose } from '../diagnostic.ts';
import type { Json, Key, PlanNode } from '../plan.ts';
import { type DeclaredStage, fromField } from '../stages.ts';
import type { Source } from '../syntax.ts';
import { own } from '../tree.ts';
import { usualRecipe } from '../usual.ts';

/**
 * Checks that what a stage starts from was trained to the end of its schedule: a parent whose learning rate ends where it
 * peaked is refused, because what it is capable of shows only after a decay (EvoLM, arXiv 2506.16029, takes no such
 * checkpoint), as is a checkpoint of a run, unless the stage says `allowUndecayed` and why. Once for each stage, with the first of its variants.
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
    if (node.type === 'checkpoint') continue; // what its run starts from is the run's to answer for
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
      source.place(['stages', stage.name, stage.kind ?? '', fromField(stage.kind)]),
      'undecayed-parent',
      `\`${node.address}\` starts from \`${parent.address}\`, ${undecayedText(ended)}`,
      parent.accepted ? acceptedThere(source, accepts, parent) : declaredThere(source, parent, ended),
    );
  }
}

/** How a training ended that did not decay. */
export type Undecayed =
  /** At its peak: its last learning rate, what made it so, and where the file may say that. */
  | { kind: 'peak'; lr: number; why: string; field: 'schedule' | 'minLr' | 'warmup' }
  /** It is a checkpoint: so many steps of a run. */
  | { kind: 'checkpoint'; steps: number; runSteps: number };

/** How a training ended that did not decay, as the end of a sentence on it. */
function undecayedText(ended: Undecayed): string {
  if (ended.kind === 'peak')
    return `which has decayed by 0 %: its learning rate ends at ${ended.lr}, its peak (${ended.why})`;
  const [steps, runSteps] = [ended.steps, ended.runSteps].map((count) => count.toLocaleString('en'));
  return `which is a checkpoint, ${steps} of ${runSteps} steps of a run: its learning rate has not decayed to the end`;
}

/** What goes with a refusal: where the learning rate was settled, and what to do. */
type Advice = Pick<Diagnostic, 'hint' | 'related'>;

/** How a training ended at its peak; undefined for what decayed, and for what has no schedule to decay by. */
export function undecayed({ type, preimage }: PlanNode): Undecayed | undefined {
  if (type === 'checkpoint') {
    const { run, steps } = preimage.recipe as unknown as CheckpointRecipe;
    return { kind: 'checkpoint', steps, runSteps: run.steps };
  }
  if (type !== 'pretrain' && type !== 'cpt' && type !== 'sft' && type !== 'dpo') return undefined;
  const said = preimage.recipe as { [name: string]: Json };
  const recipe = { ...usualRecipe(type, said), ...said } as unknown as PretrainRecipe | SftRecipe;
  const field = peakEnding(recipe);
  return field && { kind: 'peak', lr: recipe.lr, why: whyAtPeak[field], field };
}

const whyAtPeak = {
  schedule: '`schedule: constant`',
  minLr: '`minLr` is `lr`',
  warmup: 'all of it is warm-up',
} as const;

/** What there is to see and to do where the file declares a parent that does not decay. */
function declaredThere(source: Source, { stage, type }: PlanNode, ended: Undecayed): Advice {
  if (ended.kind === 'checkpoint')
    return {
      hint: 'start from a run of this length, or say here `allowUndecayed: "<reason>"`',
      related: [{ ...source.place(['stages', stage, type, 'at']), message: 'its run goes on after this' }],
    };
  const schedules = `\`schedule: cosine\`${type === 'pretrain' || type === 'cpt' ? ' or `wsd`' : ''}`;
  return {
    hint: `let \`${stage}\` decay (${schedules}, \`minLr\` below \`lr\`), or say here \`allowUndecayed: "<reason>"\``,
    related: [{ ...source.place(['stages', stage, type, ended.field]), message: 'it stays at its peak' }],
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
