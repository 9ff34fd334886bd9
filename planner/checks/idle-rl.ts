import type { RlRecipe } from '../../schemas/types/job.ts';
import { optionsOfSome } from '../algorithms.ts';
import { defaults } from '../defaults.ts';
import { listed } from '../diagnostic.ts';
import { own } from '../tree.ts';

/** Why options change nothing about a node, each with a remedy, by their names. */
export type Idle = Readonly<Record<string, { why: string; hint: string }>>;

/** The options of RL that others switch off, and those that its algorithm does not have. */
export function idleInRl(recipe: RlRecipe): Idle {
  return {
    ...idleOnce(recipe),
    ...idleRewards(recipe),
    ...(recipe.overlongBuffer === 0
      ? { overlongPenalty: { why: '`overlongBuffer` is 0', hint: 'remove it, or give `overlongBuffer` some tokens' } }
      : {}),
    ...('dynamicSampling' in recipe && !recipe.dynamicSampling
      ? { maxSamplings: { why: 'each round samples once', hint: 'remove it, or say `dynamicSampling: true`' } }
      : {}),
    ...ofOthers(recipe),
  };
}

/** What a KL is measured by where there is none. What the stage says in words counts: `klCoef: 0` is how it may be off. */
export function idleKl({ algorithm, kl }: RlRecipe, written: Readonly<Record<string, unknown>>): Idle {
  if (kl !== 'off') return {};
  const off = { why: 'there is no KL', hint: 'remove it, or say `kl: reward` or `kl: loss`' };
  const isOffAnyway = (own(written, 'kl') ?? defaults.algorithms[algorithm].kl) === 'off';
  return { klEstimator: off, ...(isOffAnyway && { klCoef: off }) };
}

/** Where a round is one update nothing has moved when it is clipped. */
function idleOnce({ batch, responses, miniBatch, innerEpochs }: RlRecipe): Idle {
  if (innerEpochs > 1 || miniBatch < batch * responses) return {};
  const once = 'each round is one update (`innerEpochs` is 1, and `miniBatch` the whole round)';
  const hint = 'remove it, or lower `miniBatch` or raise `innerEpochs`';
  const ratio = { why: `${once}, so that every ratio is 1`, hint };
  return {
    clipRatio: ratio,
    clipRatioHigh: ratio,
    dualClip: ratio,
    valueClip: { why: `${once}, so that no value has moved yet`, hint },
  };
}

function idleRewards(recipe: RlRecipe): Idle {
  const short = {
    why: 'a response is one token, and nothing comes after it',
    hint: 'remove it, or raise `maxResponse`',
  };
  const blind = { why: '`gamma` is 0: what comes later counts for nothing', hint: 'remove it, or raise `gamma`' };
  return {
    ...('gamma' in recipe && recipe.gamma === 0 ? { lambda: blind } : {}),
    ...(recipe.maxResponse === 1 ? { gamma: short, lambda: short } : {}),
  };
}

/** The options of other algorithms. */
function ofOthers({ algorithm }: RlRecipe): Idle {
  const options: [option: string, algorithms: readonly string[]][] = Object.entries(optionsOfSome);
  const others = options.filter(([, algorithms]) => !algorithms.includes(algorithm));
  return Object.fromEntries(
    others.map(([option, algorithms]) => [
      option,
      { why: `it is an option of ${listed(algorithms)}, and \`algorithm\` is ${algorithm}`, hint: 'remove it' },
    ]),
  );
}
