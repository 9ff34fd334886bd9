import { graderVersion, typeVersions } from '../schemas/catalogue.ts';
import { engineEntry, engineOf } from '../schemas/engines.ts';
import type {
  Architecture,
  BuildRecipe,
  CheckpointRecipe,
  Mixture,
  Part,
  Selection,
  Source,
  WeightedMixture,
} from '../schemas/types/job.ts';
import { defaults } from './defaults.ts';
import { canonicalJson } from './key.ts';
import type { Json, Key, NodeType, PlanNode, Task } from './plan.ts';
import { own } from './tree.ts';
import { usualArchitecture, usualOptions, usualRecipe, withoutDefaults } from './usual.ts';

type JsonMap = { [name: string]: Json };

/**
 * What a node's key is the hash of: the type tag, the version of what trains it, the identity of the recipe, the seed,
 * and the keys of the models and tokenizers it starts from, by role. It takes no placement, address or path, so that none
 * can reach a key.
 */
export function preimageOf(
  type: NodeType,
  recipe: JsonMap,
  seed: number,
  parents: Readonly<Record<string, Key>>,
): JsonMap {
  return { descent: 'node', type, version: versionOf(type, recipe), recipe, seed, parents };
}

/** The version of what makes a node of a recipe: of the engine's adapter where one trains it, else of the built-in type. */
export function versionOf(type: NodeType, recipe: object): number {
  const engine = engineOf(recipe);
  return engine === undefined ? typeVersions[type] : engineEntry(engine).version;
}

/**
 * What of a node's parents is in its pre-image by role: the models or the tokenizer that it starts from. Data is in its
 * recipe, and a trunk in none: the result is the same.
 */
export function startOf({ parent, tokenizer, rewardModel }: PlanNode['parents']): Record<string, Key> {
  return {
    ...(parent ? { parent } : {}),
    ...(tokenizer ? { tokenizer } : {}),
    ...(rewardModel ? { rewardModel } : {}),
  };
}

/**
 * The recipe without its defaults. Data sets count by their content: prepared files stand in it as the key of their node
 * (`dataKeys`, by role), and what a lineage calls a data set is left out, except in evaluations, whose results carry the
 * names.
 */
export function recipeIdentity(task: Task, dataKeys: Readonly<Record<string, Key>>): JsonMap {
  const learned = ({ part, source }: Part): JsonMap => ({ part, source: sourceIdentity(source, dataKeys) });
  const asked = ({ name, part, source }: Part): JsonMap => ({ name, part, source: sourceIdentity(source, dataKeys) });
  switch (task.type) {
    case 'data': {
      const identity = withoutDefaults(task.recipe, { heldout: defaults.files.heldout, ...defaults.benchmark });
      if ('columns' in task.recipe) identity.columns = withoutDefaults(task.recipe.columns, defaults.files.columns);
      // What is prepared depends on the files' content and not on their names, so neither does the key on the names' order.
      if ('digests' in task.recipe) identity.digests = [...task.recipe.digests].sort();
      return withoutDefaults(identity, { columns: {} });
    }
    case 'tokenizer': {
      const identity = withoutDefaults(task.recipe, usualRecipe(task.type, task.recipe));
      if (task.recipe.kind === 'bpe') identity.data = task.recipe.data.map(learned);
      return identity;
    }
    case 'adopt': {
      const { recipe } = task;
      const { context } = recipe;
      const content =
        'hub' in recipe
          ? { hub: recipe.hub, revision: recipe.revision }
          : { files: Object.fromEntries(recipe.names.map((name, index) => [name, recipe.digests[index] as string])) };
      return { ...content, ...(context !== undefined && { context }) };
    }
    case 'overlap':
      return {
        trained: selectionIdentity(task.recipe.trained, dataKeys),
        against: task.recipe.against.map(({ selection, mostExact, mostGrams }) => ({
          ...selectionIdentity(selection, dataKeys),
          mostExact,
          mostGrams,
        })),
      };
    case 'pretrain':
    case 'cpt': {
      const identity = withoutDefaults(task.recipe, usualRecipe(task.type, task.recipe));
      if (task.type === 'pretrain') identity.architecture = architectureIdentity(task.recipe.architecture);
      identity.mix = mixIdentity(task.recipe.mix, dataKeys);
      return identity;
    }
    case 'trunk': {
      const identity = withoutDefaults(task.recipe, usualRecipe(task.type, task.recipe));
      if (task.recipe.architecture) identity.architecture = architectureIdentity(task.recipe.architecture);
      identity.mix = mixIdentity(task.recipe.mix, dataKeys);
      return identity;
    }
    case 'checkpoint': {
      const { run, steps } = task.recipe;
      return { run: recipeIdentity(runTask(run), dataKeys), steps };
    }
    case 'sft':
    case 'dpo':
    case 'reward': {
      const identity = withoutDefaults(task.recipe, usualRecipe(task.type, task.recipe));
      identity.data = learned(task.recipe.data);
      return identity;
    }
    case 'generate': {
      const identity = withoutDefaults(task.recipe, usualRecipe(task.type, task.recipe));
      identity.data = graded(task.recipe.data, learned(task.recipe.data));
      return identity;
    }
    case 'build':
      return buildIdentity(task.recipe, (part) => graded(part, learned(part)), dataKeys);
    case 'rl': {
      const identity = withoutDefaults(task.recipe, usualRecipe(task.type, task.recipe));
      identity.data = graded(task.recipe.data, learned(task.recipe.data));
      return { ...identity, grader: graderVersion };
    }
    case 'evaluate': {
      const { recipe } = task;
      const identity = withoutDefaults(recipe, usualRecipe(task.type, recipe));
      if (recipe.kind === 'heldout') return { ...identity, domains: recipe.domains.map(asked) };
      if (recipe.kind === 'cloze') return { ...identity, tasks: recipe.tasks.map(asked) };
      const tasks = recipe.tasks.map((part) => graded(part, asked(part)));
      return { ...identity, tasks };
    }
  }
}

function selectionIdentity({ split, problems, source }: Selection, dataKeys: Readonly<Record<string, Key>>): JsonMap {
  return { split, problems, source: sourceIdentity(source, dataKeys) };
}

/** Of several sets the order counts, as the first that has something is taken; of what is compared with it does not. */
function buildIdentity(
  recipe: BuildRecipe,
  identityOf: (part: Part) => JsonMap,
  dataKeys: Readonly<Record<string, Key>>,
): JsonMap {
  const identity = withoutDefaults(recipe, usualRecipe('build', recipe));
  identity.data = [recipe.data].flat().map(identityOf);
  if (recipe.operation === 'agree') identity.grader = graderVersion;
  if (recipe.operation !== 'decontaminate') return identity;
  const against = recipe.against.map((selection) => selectionIdentity(selection, dataKeys));
  return { ...identity, against: against.sort((a, b) => (canonicalJson(a) < canonicalJson(b) ? -1 : 1)) };
}

/** A part's identity with how responses to it are graded, which nothing but grades depends on. */
function graded({ source }: Part, identity: JsonMap): JsonMap {
  return 'prepared' in source && source.grading ? { ...identity, grading: { ...source.grading } } : identity;
}

/** What is in a mix, and how much of it: sequences, or weights from which these follow. */
function mixIdentity(mix: Mixture | WeightedMixture, dataKeys: Readonly<Record<string, Key>>): JsonMap[] {
  return mix.map((entry) => ({
    ...('weight' in entry ? { weight: entry.weight } : { sequences: entry.sequences }),
    source: sourceIdentity(entry.source, dataKeys),
  }));
}

/** The run that a checkpoint is of, as a task of its own. */
export function runTask(run: CheckpointRecipe['run']): Extract<Task, { type: 'pretrain' | 'cpt' }> {
  return 'architecture' in run ? { type: 'pretrain', recipe: run } : { type: 'cpt', recipe: run };
}

/** A data set by its content, generators without the options that are at their defaults. */
export function sourceIdentity(source: Source, dataKeys: Readonly<Record<string, Key>>): JsonMap {
  if ('prepared' in source) {
    const key = own(dataKeys, source.prepared);
    if (!key) throw new Error(`no key for ${source.prepared}`);
    return { prepared: key };
  }
  const { generator, version, seed, options } = source;
  const usual = usualOptions(generator);
  const identity: JsonMap = { generator, version };
  if (seed !== usual.seed) identity.seed = seed;
  const chosen = Object.entries(options).filter(([name, value]) => value !== own(usual.options, name));
  if (chosen.length > 0) identity.options = Object.fromEntries(chosen);
  return identity;
}

function architectureIdentity(architecture: Architecture): JsonMap {
  return withoutDefaults(architecture, usualArchitecture(architecture.heads));
}
