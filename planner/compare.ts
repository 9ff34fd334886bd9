import { meaning } from './axes.ts';
import { type Declaration, type Declared, declarationOf } from './declaration.ts';
import { canonicalJson } from './key.ts';
import type { Json, Key, Plan, PlanNode } from './plan.ts';
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
 * the oldest ancestors first; none where the keys are the same. What is only spelled otherwise is no change. Where the
 * declarations say the same and the keys differ all the same (another version of a generator, files with other content),
 * the fields of the pre-images are named.
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
  const [old, now] = [ownIdentity(before.node), ownIdentity(after.node)];
  if (canonicalJson(old) === canonicalJson(now)) return [];
  const declared = differences(declarationOf(before.plan, before.node), declarationOf(after.plan, after.node));
  const found = declared.length > 0 || explained ? declared : differences(leavesOf(old), leavesOf(now));
  return found.map((difference) => ({ address: after.node.address, ...difference }));
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

/** The pre-image without the keys of what a node starts from. */
function ownIdentity({ preimage }: PlanNode): Json {
  const { parents: _, ...identity } = preimage;
  return withoutPrepared(identity);
}

/** Without the keys of data nodes, which are parents too. */
function withoutPrepared(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutPrepared);
  if (!isRecord(value)) return value;
  const fields = Object.entries(value as { [name: string]: Json });
  return Object.fromEntries(fields.map(([name, part]) => [name, name === 'prepared' ? true : withoutPrepared(part)]));
}

/** Which fields of two pre-images differ, as `recipe.lr`. */
export function preimageDifferences(before: Json, after: Json): Omit<Change, 'address'>[] {
  return differences(leavesOf(before), leavesOf(after));
}

function leavesOf(value: Json, path = ''): Declaration {
  if (typeof value !== 'object' || value === null) return new Map([[path, { kind: 'value', value }]]);
  const parts = Object.entries(value).map(([name, part]) => leavesOf(part, path === '' ? name : `${path}.${name}`));
  return new Map(parts.flatMap((part) => [...part]));
}

/** The fields that do not mean the same, in the order in which the later declaration has them. */
function differences(before: Declaration, after: Declaration): Omit<Change, 'address'>[] {
  const fields = new Set([...after.keys(), ...before.keys()]);
  return [...fields].flatMap((field) => {
    const [old, now] = [before.get(field), after.get(field)];
    if (old?.kind === 'reference' && now?.kind === 'reference') {
      const inner = differences(old.stands, now.stands);
      return inner.length === 0 || old.name === now.name ? inner : [{ field, before: old.name, after: now.name }];
    }
    return meant(old) === meant(now) ? [] : [{ field, before: shown(old), after: shown(now) }];
  });
}

/** What a field says, however it is spelled. */
function meant(field: Declared | undefined): string {
  const value = shown(field);
  return typeof value === 'string' || typeof value === 'number' ? meaning(value) : (JSON.stringify(value) ?? '');
}

function shown(field: Declared | undefined): Json | undefined {
  return field?.kind === 'reference' ? field.name : field?.value;
}
