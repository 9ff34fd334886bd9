import type { LineageFile } from '../schemas/types/lineage.ts';
import { axisNamed } from './axes.ts';
import type { NodeInPlan } from './compare.ts';
import { setNameOf } from './data.ts';
import type { Plan, PlanNode } from './plan.ts';
import { plainAddress } from './signature.ts';
import { isRecord } from './tree.ts';

/** What can be renamed: whatever is part of an address. */
export type RenamedKind = 'stage' | 'axis' | 'data' | 'tokenizer';

/** One side of an entry of `moved`: `base`, `axis:replay`, `data:notes`, `tokenizer:words`. */
export interface MovedName {
  kind: RenamedKind;
  name: string;
}

/** An entry of `moved`, as it is written. */
export type Moved = NonNullable<LineageFile['moved']>[number];

/** Reads one side of an entry of `moved`. */
export function movedName(text: string): MovedName {
  const [prefix, name] = text.split(':');
  if (name !== undefined && (prefix === 'axis' || prefix === 'data' || prefix === 'tokenizer'))
    return { kind: prefix, name };
  return { kind: 'stage', name: text };
}

/**
 * Today's address of what an earlier plan called by another: `base@replay=5%/id` is `trunk@share=5%/id` where the stage and
 * the axis were renamed. An address without a renamed part stays as it is.
 */
export function addressNow(moved: readonly Moved[], address: string): string {
  return renamedAddress(renamer(moved), address);
}

/**
 * An earlier plan as it would read under today's names, for comparisons: the addresses, axes and roles of its nodes, the
 * names in their recipes, and what its file declares of stages, data and tokenizers. Keys and pre-images are what they were,
 * and so is the order of the nodes.
 */
export function underNewNames(plan: Plan, moved: readonly Moved[] = []): Plan {
  if (moved.length === 0) return plan;
  const now = renamer(moved);
  return {
    ...plan,
    declared: declaredNow(plan.declared, now),
    nodes: plan.nodes.map((node) => {
      const address = renamedAddress(now, node.address);
      const isItsStage = node.type === 'data' || node.type === 'tokenizer' || node.type === 'overlap';
      return {
        ...node,
        address,
        stage: isItsStage ? address : now('stage', node.stage),
        axes: withKeys(node.axes, (axis) => now('axis', axis)),
        parents: withKeys(node.parents, (role) => (role.startsWith('data:') ? renamedAddress(now, role) : role)),
        recipe: recipeNow(node, now),
      } as PlanNode;
    }),
  };
}

/** A node with its plan, both under today's names. */
export function nodeUnderNewNames({ plan, node }: NodeInPlan, moved: readonly Moved[] | undefined): NodeInPlan {
  const named = underNewNames(plan, moved);
  return { plan: named, node: named.nodes[plan.nodes.indexOf(node)] ?? node };
}

/**
 * The place in an earlier plan of each node by today's address, given that plan as it was and under today's names: who had an
 * address all along comes before who got it by a rename.
 */
export function placesByAddress(asItWas: Plan, old: Plan): Map<string, number> {
  const places = new Map<string, number>();
  for (const [place, { address }] of old.nodes.entries()) {
    if (!places.has(address) || asItWas.nodes[place]?.address === address) places.set(address, place);
  }
  return places;
}

/** Today's name of what an earlier file called by another. */
type Rename = (kind: RenamedKind, name: string) => string;

function renamer(moved: readonly Moved[]): Rename {
  const names = new Map<string, string>();
  for (const { from, to } of moved) {
    const { kind, name } = movedName(from);
    // A signature that is gone may be spelled otherwise than the stage was called.
    for (const spelled of kind === 'stage' ? [plainAddress(name), name] : [name])
      names.set(`${kind} ${spelled}`, movedName(to).name);
  }
  return (kind, name) => names.get(`${kind} ${name}`) ?? name;
}

function renamedAddress(now: Rename, address: string): string {
  const [, prefix, data] = /^(data|tokenizer):(.*)$/.exec(address) ?? [];
  if (data !== undefined) return `${prefix}:${now(prefix as RenamedKind, data)}`;
  const [, gate = '', stage = '', setting, suite = ''] =
    /^(overlap:)?([^@/]*)(?:@([^/]*))?(\/.*)?$/.exec(address) ?? [];
  const values = setting?.split(',').map((part) => {
    const [axis = '', value = ''] = part.split('=');
    return `${now('axis', axis)}=${value}`;
  });
  return `${gate}${now('stage', stage)}${values ? `@${values.join(',')}` : ''}${suite}`;
}

function declaredNow(file: LineageFile, now: Rename): LineageFile {
  const reference = (text: string) => {
    const set = setNameOf(text);
    return `${now('data', set)}${text.slice(set.length)}`;
  };
  const field = (name: string, value: unknown): unknown => {
    if (name === 'of' && typeof value === 'string') return renamedAddress(now, value);
    if (name === 'data' && typeof value === 'string') return reference(value);
    if (name === 'mix' && isRecord(value)) return withKeys(mapped(value, axis), reference);
    return axis(value);
  };
  const axis = (value: unknown): unknown => {
    const name = axisNamed(value);
    return name === undefined ? value : `{${now('axis', name)}}`;
  };
  const stage = (declared: unknown): unknown =>
    isRecord(declared)
      ? mapped(declared, (body) => (isRecord(body) ? mapped(body, (value, name) => field(name, value)) : body))
      : declared;
  const tokenizer = (declared: unknown): unknown =>
    isRecord(declared) && isRecord(declared.bpe) && Array.isArray(declared.bpe.data)
      ? { ...declared, bpe: { ...declared.bpe, data: declared.bpe.data.map(String).map(reference) } }
      : declared;
  return {
    ...file,
    data: withKeys(file.data, (name) => now('data', name)),
    ...(file.stages && {
      stages: withKeys(mapped(file.stages, stage), (name) => now('stage', name)) as NonNullable<LineageFile['stages']>,
    }),
    ...(file.tokenizers && {
      tokenizers: withKeys(mapped(file.tokenizers, tokenizer), (name) => now('tokenizer', name)) as NonNullable<
        LineageFile['tokenizers']
      >,
    }),
  };
}

/** A recipe with its data sets called as they are now; only evaluations and certificates are compared by these names. */
function recipeNow(node: PlanNode, now: Rename): PlanNode['recipe'] {
  const renamed = <T extends { name: string }>(part: T): T => ({ ...part, name: now('data', part.name) });
  if (node.type === 'overlap') {
    const against = node.recipe.against.map((one) => ({ ...one, selection: renamed(one.selection) }));
    return { trained: renamed(node.recipe.trained), against: against as typeof node.recipe.against };
  }
  if (node.type !== 'evaluate') return node.recipe;
  const { recipe } = node;
  return recipe.kind === 'heldout'
    ? { ...recipe, domains: recipe.domains.map(renamed) as typeof recipe.domains }
    : { ...recipe, tasks: recipe.tasks.map(renamed) as typeof recipe.tasks };
}

function withKeys<T>(record: Readonly<Record<string, T>>, rename: (name: string) => string): Record<string, T> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [rename(name), value]));
}

function mapped(
  record: Readonly<Record<string, unknown>>,
  change: (value: unknown, name: string) => unknown,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value, name)]));
}
