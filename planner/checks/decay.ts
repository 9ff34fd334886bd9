import { type Diagnostic, diagnose } from '../diagnostic.ts';
import type { Key, PlanNode } from '../plan.ts';
import type { DeclaredStage } from '../stages.ts';
import type { Path, Source } from '../syntax.ts';
import { own } from '../tree.ts';

/**
 * Checks that what a stage starts from was trained to the end of its schedule: a parent whose learning rate ends where it
 * peaked is refused, because what it is capable of shows only after a decay (EvoLM, arXiv 2506.16029, takes no such
 * checkpoint), unless the stage says `allowUndecayed` and why. Once for each stage, with the first of its variants.
 *
 * RL stays at its learning rate by design and has no other schedule, so what starts from an RL stage is not refused.
 */
export function* checkDecay(
  source: Source,
  stages: ReadonlyMap<string, DeclaredStage>,
  nodes: readonly PlanNode[],
): Generator<Diagnostic> {
  const trained = new Map<Key, PlanNode>();
  const told = new Set<string>();
  for (const node of nodes) {
    if (node.type === 'evaluate' || node.type === 'trunk') continue;
    trained.set(node.key, node);
    const parent = trained.get(node.parents.parent as Key);
    const stage = stages.get(node.stage);
    if (!parent || !stage || told.has(stage.name) || own(stage.body, 'allowUndecayed') !== undefined) continue;
    const ended = undecayed(parent);
    if (!ended) continue;
    told.add(stage.name);
    yield refusal(source, stage, node, parent, ended);
  }
}

/** How a training ended that did not decay: its last learning rate, what made it so, and where the file may say that. */
interface Undecayed {
  lr: number;
  why: string;
  field: 'schedule' | 'minLr' | 'warmup';
}

/** Undefined for what decayed, and for what has no schedule to decay by. */
function undecayed(node: PlanNode): Undecayed | undefined {
  if (node.type !== 'pretrain' && node.type !== 'cpt' && node.type !== 'sft') return undefined;
  const { recipe } = node;
  const { lr } = recipe;
  if (recipe.schedule === 'constant') return { lr, why: '`schedule: constant`', field: 'schedule' };
  if (recipe.minLr === lr) return { lr, why: `\`minLr\` is \`lr\``, field: 'minLr' };
  if (recipe.schedule === 'cosine' && recipe.warmup === 1) return { lr, why: 'all of it is warm-up', field: 'warmup' };
  return undefined;
}

function refusal(
  source: Source,
  stage: DeclaredStage,
  node: PlanNode,
  parent: PlanNode,
  { lr, why, field }: Undecayed,
): Diagnostic {
  const message = `\`${node.address}\` starts from \`${parent.address}\`, which has decayed by 0 %: its learning rate ends at ${lr}, its peak (${why})`;
  const at: Path = ['stages', parent.stage, parent.type, field];
  return diagnose(
    source.file,
    source.place(['stages', stage.name, stage.kind ?? '', 'from']),
    'undecayed-parent',
    message,
    {
      hint: `let \`${parent.stage}\` decay (\`schedule: cosine\`${parent.type === 'sft' ? '' : ' or `wsd`'}, \`minLr\` below \`lr\`), or say here \`allowUndecayed: "<reason>"\``,
      related: [{ ...source.place(at), message: 'it stays at its peak' }],
    },
  );
}
