import { generators } from '../schemas/catalogue.ts';
import type { EvaluateRecipe } from '../schemas/types/job.ts';
import { usualRl } from './algorithms.ts';
import { defaults, derived } from './defaults.ts';
import type { Json, NodeType } from './plan.ts';
import { own } from './tree.ts';

type JsonMap = { [name: string]: Json };
type Defaults = Readonly<Record<string, unknown>>;

/**
 * The defaults of a recipe, those too that follow from its other fields: what its identity leaves out. The recipe may be one
 * that has left them out.
 */
export function usualRecipe(type: NodeType, recipe: object): Defaults {
  const said = recipe as { lr?: number; kind?: string; architecture?: { heads: number } };
  const shape = said.architecture && { architecture: usualArchitecture(said.architecture.heads) };
  switch (type) {
    case 'data':
      return 'benchmark' in recipe ? defaults.benchmark : defaults.files;
    case 'tokenizer':
      return defaults.tokenizer;
    case 'overlap':
    case 'adopt':
    case 'checkpoint': // its run has them
      return {};
    case 'pretrain':
    case 'cpt':
      return {
        ...defaults[type],
        minLr: derived.minLr(said.lr ?? defaults[type].lr),
        engine: defaults.engine,
        ...shape,
      };
    case 'trunk':
      return { ...defaults.pretrain, ...shape };
    case 'sft':
    case 'dpo':
    case 'reward':
      return { ...defaults[type], engine: defaults.engine };
    case 'generate':
    case 'build':
      return defaults[type];
    case 'rl':
      // The others are those of its algorithm, whichever that is.
      return { ...usualRl(recipe), algorithm: defaults.rl.algorithm, engine: defaults.engine };
    case 'evaluate':
      return { ...defaults.evaluate[said.kind as EvaluateRecipe['kind']], engine: defaults.engine };
  }
}

/** The seed and the options that a generator has where none are given. */
export function usualOptions(generator: string): { seed: number; options: Defaults } {
  const known = Object.entries(own(generators, generator)?.options ?? {});
  return {
    seed: defaults.generated.seed,
    options: Object.fromEntries(known.map(([name, option]) => [name, option.default])),
  };
}

/** A map without the fields that have their default value. */
export function withoutDefaults(value: object, usual: Defaults): JsonMap {
  const kept: JsonMap = {};
  for (const [name, field] of Object.entries(value)) {
    const defaulted = own(usual, name);
    if (defaulted === undefined || !isSame(field, defaulted)) kept[name] = field;
  }
  return kept;
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || (typeof a === 'object' && typeof b === 'object' && JSON.stringify(a) === JSON.stringify(b));
}

/** What a shape has where it says nothing, by its heads. */
export function usualArchitecture(heads: number): Defaults {
  return { ...defaults.architecture, kvHeads: derived.kvHeads(heads) };
}
