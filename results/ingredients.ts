import { dataRole } from '../planner/data.ts';
import type { Json, PlanNode } from '../planner/plan.ts';
import { isRecord } from '../planner/tree.ts';
import { usualOptions } from '../planner/usual.ts';
import type { Part, Source } from '../schemas/types/job.ts';

/** What a node is made of. */
export interface Ingredients {
  /** Keys by role. */
  parents: Readonly<Record<string, string>>;
  /** What it reads, in the recipe's order; `name` is null where it is not known what the lineage calls it. */
  sets: { name: string | null; part: Part['part']; source: Source; sequences?: number }[];
}

/**
 * What a node is made of. One that stands on an accepted artifact is made of what the artifact's pre-image says, whatever
 * its own declaration is; pre-images leave out what data sets are called.
 */
export function ingredientsOf(node: PlanNode): Ingredients {
  return node.accepted ? ofPreimage(node.preimage) : { parents: node.parents, sets: declaredSets(node) };
}

function declaredSets(node: PlanNode): (Part & { sequences?: number })[] {
  switch (node.type) {
    case 'data':
    case 'adopt':
      return [];
    case 'tokenizer':
      return node.recipe.kind === 'bpe' ? node.recipe.data : [];
    case 'overlap':
      return [node.recipe.trained, ...node.recipe.against.map(({ selection }) => selection)].map(
        ({ name, split, source }) => ({ name, part: split === 'choices' ? split : 'problems', source }),
      );
    case 'pretrain':
    case 'cpt':
    case 'trunk':
      return node.recipe.mix.map((part) => ({ part: 'text', ...part }));
    case 'checkpoint': // how many sequences of each there are is known of the whole run
      return node.recipe.run.mix.map(({ name, source }) => ({ name, part: 'text', source }));
    case 'sft':
    case 'dpo':
    case 'rl':
    case 'reward':
    case 'generate':
    case 'build':
      return [node.recipe.data].flat();
    case 'evaluate':
      return node.recipe.kind === 'heldout' ? node.recipe.domains : node.recipe.tasks;
    default:
      return node satisfies never;
  }
}

/** A data set as pre-images have it: without its name, but in evaluations, and without the part in a mix. */
interface Identified {
  name?: string;
  part?: Part['part'];
  sequences?: number;
  source:
    | { prepared: string }
    | { generator: string; version: number; seed?: number; options?: { [name: string]: Json } };
}

function ofPreimage({ parents, recipe }: PlanNode['preimage']): Ingredients {
  const { mix, data, domains, tasks } = recipe as Record<string, Json>;
  const found = [mix, data, domains, tasks].flatMap((one) => one ?? []).filter(isSet) as unknown as Identified[];
  const named: Record<string, string> = { ...(parents as Record<string, string>) };
  const sets = found.map(({ name = null, part = 'text', source, sequences }) => {
    const counted = sequences === undefined ? {} : { sequences };
    if ('generator' in source) return { name, part, source: generated(source), ...counted };
    const role = dataRole(name ?? source.prepared.slice(0, 12));
    named[role] = source.prepared;
    return { name, part, source: { prepared: role }, ...counted };
  });
  return { parents: named, sets };
}

function isSet(value: Json): boolean {
  return isRecord(value) && 'source' in value;
}

/** A generator's data with the options that the pre-image leaves out. */
function generated({
  generator,
  version,
  seed,
  options,
}: Extract<Identified['source'], { generator: string }>): Source {
  const usual = usualOptions(generator);
  const all = { ...usual.options, ...options };
  return { generator, version, seed: seed ?? usual.seed, options: all } as Source;
}
