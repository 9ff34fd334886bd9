import { dirname, relative } from 'node:path';
import { type Declaration, type Declared, declarationOf } from './declaration.ts';
import { canonicalJson } from './key.ts';
import { meaningAs } from './kinds.ts';
import type { Json, Key, Plan, PlanNode } from './plan.ts';
import { isTraining } from './stages.ts';
import { isRecord, own } from './tree.ts';

/** One thing that makes two keys differ, named as the lineage file names it. */
export interface Change {
  /** The node that it is part of: the one that was asked about, or an ancestor of it. */
  address: string;
  /** `lr`, `mix.replay`, `models.nano.layers`, `data.math.options.maximum`. */
  field: string;
  /** As the file says it, or the default where it says nothing; undefined where there is none. */
  before: Json | undefined;
  after: Json | undefined;
}

/** A node with the plan that it stands in. */
export interface NodeInPlan {
  plan: Plan;
  node: PlanNode;
}

/**
 * Why two nodes have different keys: every field that differs in the nodes themselves and in their ancestors, those of
 * the oldest ancestors first; none where the keys are the same. What is only spelled otherwise is no change, nor is a default
 * that is written out, nor what follows from another field, nor what comes to the same, as tokens to as many steps. Where no
 * declared field is left and the keys differ all the same (another version of a generator, files with other content), the
 * fields of the pre-images are named.
 */
export function changesBetween(before: NodeInPlan, after: NodeInPlan, known: KnownChanges = new Map()): Change[] {
  if (before.node.key === after.node.key) return [];
  const pair = `${before.node.key} ${after.node.key}`;
  const found = known.get(pair);
  if (found) return found;
  const inherited = Object.entries(after.node.parents).flatMap(([role, key]) => {
    // What a trunk and its branch have in common is in the identity of both.
    if (role === 'trunk') return [];
    const [parent, earlier] = [nodeOf(after.plan, key), nodeOf(before.plan, own(before.node.parents, role))];
    if (!parent || !earlier) return [];
    return changesBetween({ plan: before.plan, node: earlier }, { plan: after.plan, node: parent }, known);
  });
  // Two parents may have one ancestor, whose changes are the same objects.
  const changes = [...new Set([...inherited, ...ownChanges(before, after, inherited.length > 0)])];
  known.set(pair, changes);
  return changes;
}

/** What was found of pairs of nodes of two plans: of many nodes that come of one, that one is compared once. */
export type KnownChanges = Map<string, Change[]>;

/**
 * What differs in two nodes themselves, whatever they start from. `explained` says that something before them differs:
 * then what no declaration tells follows from that, as a vocabulary is the tokenizer's, and of the model's shape too.
 */
export function ownChanges(before: NodeInPlan, after: NodeInPlan, explained: boolean): Change[] {
  const [old, now] = [ownIdentity(before.node, after.node), ownIdentity(after.node, before.node)];
  if (canonicalJson(old) === canonicalJson(now)) return [];
  const forked = differences(leavesOf(old), leavesOf(now));
  const declared = differences(declarationOf(before.plan, before.node), declarationOf(after.plan, after.node)).filter(
    ({ field }) => partsOf(field, after.node).some((part) => forked.some((leaf) => isWithin(leaf.field, part))),
  );
  const contents = contentChanges(before.node, after.node, after.plan);
  const found = declared.length > 0 || explained ? declared : contents.length > 0 ? contents : forked;
  return found.map((difference) => ({ address: after.node.address, ...difference }));
}

/** Files of a data node that have another content under the same path: each by its path from the lineage file. */
function contentChanges(before: PlanNode, { recipe, files }: PlanNode, { file }: Plan): Omit<Change, 'address'>[] {
  if (!('digests' in recipe) || !('digests' in before.recipe)) return [];
  const { digests } = before.recipe;
  const known = new Map(before.files.map((path, index) => [path, digests[index]]));
  return files.flatMap((path, index) => {
    const [old, now] = [known.get(path), recipe.digests[index]];
    if (old === undefined || now === undefined || old === now) return [];
    return [
      { field: `content of ${relative(dirname(file), path)}`, before: shortDigest(old), after: shortDigest(now) },
    ];
  });
}

function shortDigest(digest: string): string {
  return digest.slice(0, 12);
}

/** Parts of a recipe that a field of a stage or of files comes to, where they are not called as it is. */
const partsByField: Readonly<Record<string, readonly string[]>> = {
  tokens: ['steps'],
  batch: ['batch', 'batchSequences'],
  warmup: ['warmup', 'warmupSteps'],
  decay: ['decaySteps', 'steps'],
  model: ['architecture'],
  data: ['data', 'mix'],
  files: ['digests', 'patterns'],
};

/** Where a declared field is in the pre-image of a node; of evaluations, tokenizers and certificates anywhere. */
function partsOf(field: string, { type }: PlanNode): string[] {
  const [first = '', , third = ''] = field.split('.');
  if (field === 'seed') return ['seed'];
  if (type === 'data') return (own(partsByField, third) ?? [third]).map((part) => `recipe.${part}`);
  if (!isTraining(type) && type !== 'trunk' && type !== 'checkpoint') return [''];
  if (type === 'checkpoint' && field === 'at') return ['recipe.steps'];
  const recipe = type === 'checkpoint' ? 'recipe.run' : 'recipe';
  if (first === 'models') return [`${recipe}.architecture.${third}`];
  return (own(partsByField, first) ?? [first]).map((part) => `${recipe}.${part}`);
}

function isWithin(path: string, part: string): boolean {
  return part === '' || path === part || path.startsWith(`${part}.`);
}

const nodesByKey = new WeakMap<Plan, Map<Key, PlanNode>>();

/** The node of a plan that has a key; the first where several have it. */
export function nodeOf(plan: Plan, key: Key | undefined): PlanNode | undefined {
  let nodes = nodesByKey.get(plan);
  if (!nodes) {
    nodes = new Map();
    for (const node of plan.nodes) if (!nodes.has(node.key)) nodes.set(node.key, node);
    nodesByKey.set(plan, nodes);
  }
  return key && nodes.get(key);
}

/** The pre-image without the keys of what a node starts from, and of the data that the other reads under the same name. */
function ownIdentity({ preimage, parents }: PlanNode, other: PlanNode): Json {
  const { parents: _, ...identity } = preimage;
  const roles = Object.entries(parents).filter(([role]) => own(other.parents, role) !== undefined);
  return withNames(identity, new Map(roles.map(([role, key]) => [key, role])));
}

/** With the names of data sets in place of their keys. */
function withNames(value: Json, names: ReadonlyMap<Json, string>): Json {
  if (Array.isArray(value)) return value.map((part) => withNames(part, names));
  if (!isRecord(value)) return value;
  const fields = Object.entries(value as { [name: string]: Json });
  return Object.fromEntries(
    fields.map(([name, part]) => [name, name === 'prepared' ? (names.get(part) ?? part) : withNames(part, names)]),
  );
}

/** Which fields of two pre-images differ, as `recipe.lr`. */
export function preimageDifferences(before: Json, after: Json): Omit<Change, 'address'>[] {
  return differences(leavesOf(before), leavesOf(after));
}

function leavesOf(value: Json, path = ''): Declaration {
  if (typeof value !== 'object' || value === null) return new Map([[path, { kind: 'value', value, written: true }]]);
  const parts = Object.entries(value).map(([name, part]) => leavesOf(part, path === '' ? name : `${path}.${name}`));
  return new Map(parts.flatMap((part) => [...part]));
}

/** The fields that do not mean the same, in the order in which the later declaration has them. */
function differences(before: Declaration, after: Declaration): Omit<Change, 'address'>[] {
  const fields = new Set([...after.keys(), ...before.keys()]);
  return [...fields].flatMap((field) => {
    const [old, now] = [before.get(field), after.get(field)];
    if (old?.kind === 'reference' && now?.kind === 'reference') {
      const named = { field, before: old.name, after: now.name };
      // Files are a node of their own: under the same name, that tells of them.
      if (old.prepared && now.prepared) return old.prepared === now.prepared || old.name === now.name ? [] : [named];
      const inner = differences(old.stands, now.stands);
      return inner.length === 0 || old.name === now.name ? inner : [named];
    }
    if (!isWritten(old) && !isWritten(now)) return [];
    return meant(old) === meant(now) ? [] : [{ field, before: shown(old), after: shown(now) }];
  });
}

/** A default changes by no more than what it follows from. */
function isWritten(field: Declared | undefined): boolean {
  return field !== undefined && (field.kind === 'reference' || field.written);
}

/** What a field says, however it is spelled. */
function meant(field: Declared | undefined): string {
  const value = shown(field);
  const quantity = field?.kind === 'value' ? field.quantity : undefined;
  return (quantity && meaningAs(quantity, value)) ?? JSON.stringify(value) ?? '';
}

function shown(field: Declared | undefined): Json | undefined {
  return field?.kind === 'reference' ? field.name : field?.value;
}
