import { generators, typeVersions } from '../schemas/catalogue.ts';
import { roleOfMade } from './data.ts';
import { preimageOf, recipeIdentity, startOf } from './identity.ts';
import { canonicalJson, keyOf } from './key.ts';
import { needsOf } from './kinship.ts';
import type { Key, NodeType, Plan, PlanNode } from './plan.ts';
import { own, scalars } from './tree.ts';

/** Versions of node types and generators. */
export interface Versions {
  types: Record<string, number>;
  generators: Record<string, number>;
}

/** The versions that this Descent has of what a plan uses. A name that it does not have is left out. */
export function versionsUsed(plan: Plan): Versions {
  const used: Versions = { types: {}, generators: {} };
  for (const { type, recipe } of plan.nodes) {
    const version = own(typeVersions as Record<string, number>, type);
    if (version !== undefined) used.types[type] = version;
    for (const { path, value } of scalars(recipe)) {
      const entry = path.at(-1) === 'generator' ? own(generators, String(value)) : undefined;
      if (entry) used.generators[String(value)] = entry.version;
    }
  }
  return used;
}

/** What differs between the versions that a plan was made with and those of this Descent, in words; empty where none do. */
export function versionChanges(before: Versions, now: Versions): string[] {
  const kinds = [
    ['type', before.types, now.types],
    ['generator', before.generators, now.generators],
  ] as const;
  return kinds.flatMap(([kind, old, current]) =>
    Object.entries(old)
      .filter(([name, version]) => own(current, name) !== version)
      .map(([name, version]) => `${kind} ${name}: version ${version}, here ${own(current, name) ?? 'none'}`),
  );
}

/**
 * What is wrong with the keys of a plan that comes from a file, the first thing of each node, by its address: a key is
 * the hash of its pre-image, the pre-image is that of the node's own type, recipe, seed and parents, and what a node needs
 * comes before it. Where the file accepts an artifact, the artifact's pre-image is its own, and that of the node is what
 * the plan says it would be instead. Asks for a plan whose types have the versions of this Descent.
 */
export function auditKeys(plan: Plan): { address: string; problem: string }[] {
  const dataKeys: Record<string, Key> = {};
  for (const node of plan.nodes) {
    const role = roleOfMade(node);
    if (role !== undefined) dataKeys[role] = node.key;
  }
  const seen = { keys: new Map<string, PlanNode>(), addresses: new Set<string>() };
  const problems: { address: string; problem: string }[] = [];
  for (const node of plan.nodes) {
    const problem = problemOf(node, dataKeys, seen);
    if (problem !== null) problems.push({ address: node.address, problem });
    seen.keys.set(node.key, node);
    seen.addresses.add(node.address);
  }
  return problems;
}

function problemOf(
  node: PlanNode,
  dataKeys: Readonly<Record<string, Key>>,
  seen: { keys: ReadonlyMap<string, PlanNode>; addresses: ReadonlySet<string> },
): string | null {
  if (seen.addresses.has(node.address)) return 'its address stands twice';
  const declared = node.accepted ? node.accepted.instead : node;
  if ([node, declared].some(({ key, preimage }) => keyOf(preimage) !== key))
    return 'its key is not the hash of its pre-image';
  if (!isPreimageOf(declared.preimage, node, dataKeys))
    return 'its pre-image is not that of its recipe, seed and parents';
  const missing = Object.entries(needsOf(node)).find(([, key]) => !seen.keys.has(key));
  if (missing) return `its ${missing[0]} does not come before it`;
  const parent = seen.keys.get(node.parents.parent ?? '');
  const inherited = node.type === 'pretrain' ? node.recipe.architecture : parent?.architecture;
  if (inherited && canonicalJson(inherited) !== canonicalJson(node.architecture))
    return 'its architecture is not that of the model it comes from';
  const judge = seen.keys.get(node.parents.rewardModel ?? '')?.architecture;
  if (canonicalJson(judge ?? null) !== canonicalJson(node.judge ?? null))
    return 'the shape of its reward model is not that of the model that scores';
  return null;
}

function isPreimageOf(
  preimage: PlanNode['preimage'],
  node: PlanNode,
  dataKeys: Readonly<Record<string, Key>>,
): boolean {
  try {
    const identity = recipeIdentity(node, dataKeys);
    const own = preimageOf(node.type as NodeType, identity, node.seed, startOf(node.parents));
    return canonicalJson(own) === canonicalJson(preimage);
  } catch {
    return false; // a recipe that lacks what its type needs has no identity at all
  }
}
