/** The algorithms, by the name that a recipe has for them. */
import type { RlRecipe } from '../../schemas/types/job.ts';
import type { Algorithm } from '../algorithm.ts';
import { dapo } from './dapo.ts';
import { drGrpo } from './dr-grpo.ts';
import { grpo } from './grpo.ts';
import { ppo } from './ppo.ts';
import { reinforcePlusPlus } from './reinforce-plus-plus.ts';
import { rloo } from './rloo.ts';

/** The algorithm of a recipe, with its options. */
export function algorithmOf(recipe: RlRecipe): Algorithm {
  switch (recipe.algorithm) {
    case 'ppo':
      return ppo(recipe);
    case 'grpo':
      return grpo(recipe);
    case 'dr_grpo':
      return drGrpo(recipe);
    case 'dapo':
      return dapo(recipe);
    case 'rloo':
      return rloo(recipe);
    case 'reinforce_plus_plus':
      return reinforcePlusPlus(recipe);
    default:
      return recipe satisfies never;
  }
}
