import type { Part, RlAlgorithm, RlRecipe } from '../schemas/types/job.ts';
import { defaults, derived } from './defaults.ts';
import type { DiagnosticCode } from './diagnostic.ts';
import type { Fields } from './fields.ts';
import type { Path } from './syntax.ts';

type Algorithm = RlAlgorithm['algorithm'];
type Grouped = Extract<RlAlgorithm, { dynamicSampling: boolean }>['algorithm'];

/** What of a recipe defaults follow from. */
type Said = Partial<
  Pick<RlRecipe, 'algorithm' | 'batch' | 'responses' | 'maxResponse' | 'lr' | 'clipRatio' | 'kl' | 'klCoef'>
>;

/** The options that only some algorithms have, each with these. */
export const optionsOfSome = {
  criticLr: ['ppo'],
  lambda: ['ppo'],
  valueClip: ['ppo'],
  gamma: ['ppo', 'reinforce_plus_plus'],
  dynamicSampling: ['grpo', 'dr_grpo', 'dapo', 'rloo'],
  maxSamplings: ['grpo', 'dr_grpo', 'dapo', 'rloo'],
} as const satisfies { [option: string]: readonly Algorithm[] };

/** Whether an algorithm has an option. */
function isOptionOf(option: string, algorithm: Algorithm): boolean {
  const some: Readonly<Record<string, readonly Algorithm[]>> = optionsOfSome;
  return some[option]?.includes(algorithm) ?? true;
}

/** Whether an algorithm compares the responses to a prompt with one another, and needs several. */
export function isGrouped(algorithm: Algorithm): algorithm is Grouped {
  return isOptionOf('dynamicSampling', algorithm);
}

/**
 * The defaults of an RL recipe by its algorithm, those too that follow from its other fields, of options that the algorithm
 * has. The recipe may be one that has left them out.
 */
export function usualRl(said: Said): Omit<RlRecipe, 'data' | 'examples' | keyof RlAlgorithm> & RlAlgorithm {
  const usual = defaults.rl;
  const { algorithm = usual.algorithm, batch = usual.batch, lr = usual.lr } = said;
  const { maxResponse = usual.maxResponse, clipRatio = usual.clipRatio } = said;
  const { responses, whiten, lossAggregation, kl } = defaults.algorithms[algorithm];
  return {
    ...usual,
    betas: [...usual.betas],
    responses,
    miniBatch: derived.miniBatch(batch, said.responses ?? responses),
    clipRatioHigh: derived.clipRatioHigh(algorithm, clipRatio),
    whiten,
    lossAggregation,
    kl,
    klEstimator: derived.klEstimator(said.kl ?? (said.klCoef === 0 ? 'off' : kl)),
    overlongBuffer: derived.overlongBuffer(algorithm, maxResponse),
    ...usualOwn(algorithm, lr),
  };
}

/** The same of the options that are an algorithm's own. */
function usualOwn(algorithm: Algorithm, lr: number): RlAlgorithm {
  const { gamma, lambda, valueClip, maxSamplings } = defaults.rlOfSome;
  switch (algorithm) {
    case 'ppo':
      return { algorithm, criticLr: derived.criticLr(lr), gamma, lambda, valueClip };
    case 'reinforce_plus_plus':
      return { algorithm, gamma };
    default:
      return { algorithm, dynamicSampling: defaults.algorithms[algorithm].dynamicSampling, maxSamplings };
  }
}

/**
 * The recipe that a stage of RL says, with its defaults, on a model with such a context. Without a KL neither its weight nor
 * its estimator is anything: both are as usual. Undefined where something does not fit, which is reported.
 */
export function rlRecipe(
  fields: Fields,
  data: Part,
  context: number,
  report: (path: Path, code: DiagnosticCode, message: string, hint?: string) => void,
): RlRecipe | undefined {
  const algorithm = fields.choice('algorithm') ?? defaults.rl.algorithm;
  const said = definedOf({
    batch: fields.count('batch'),
    responses: fields.count('responses'),
    miniBatch: fields.count('miniBatch'),
    innerEpochs: fields.count('innerEpochs'),
    epochs: fields.count('epochs'),
    maxResponse: fields.count('maxResponse'),
    temperature: fields.number('temperature'),
    lr: fields.number('lr'),
    warmup: fields.fraction('warmup'),
    clipRatio: fields.number('clipRatio'),
    clipRatioHigh: fields.number('clipRatioHigh'),
    dualClip: fields.number('dualClip'),
    whiten: fields.flag('whiten'),
    lossAggregation: fields.choice('lossAggregation'),
    kl: fields.choice('kl'),
    klEstimator: fields.choice('klEstimator'),
    klCoef: fields.number('klCoef'),
    entropyCoef: fields.number('entropyCoef'),
    overlongBuffer: fields.count('overlongBuffer'),
    overlongPenalty: fields.number('overlongPenalty'),
    weightDecay: fields.number('weightDecay'),
    betas: fields.betas(),
    clip: fields.number('clip'),
    stopOnCollapse: fields.flag('stopOnCollapse'),
    precision: fields.precision(),
  });
  const ownSaid = definedOf({
    criticLr: fields.number('criticLr'),
    gamma: fields.fraction('gamma'),
    lambda: fields.fraction('lambda'),
    valueClip: fields.number('valueClip'),
    dynamicSampling: fields.flag('dynamicSampling'),
    maxSamplings: fields.count('maxSamplings'),
  });
  const itsOwn = Object.entries(ownSaid).filter(([name]) => isOptionOf(name, algorithm));
  const recipe: RlRecipe = {
    ...usualRl({ algorithm, ...said }),
    data,
    examples: fields.count('examples') ?? 1,
    ...said,
    ...Object.fromEntries(itsOwn),
  };
  const misfit = misfitOf(recipe, context);
  if (misfit) {
    report(fields.path(misfit.field), 'bad-value', misfit.message, misfit.hint);
    return undefined;
  }
  if (recipe.kl !== 'off' && recipe.klCoef > 0) return recipe;
  return { ...recipe, kl: 'off', klCoef: 0, klEstimator: derived.klEstimator('off') };
}

/** What of a recipe does not fit together. */
function misfitOf(recipe: RlRecipe, context: number): { field: string; message: string; hint: string } | undefined {
  const { algorithm, batch, responses, miniBatch, maxResponse, overlongBuffer, dualClip } = recipe;
  if (isGrouped(algorithm) && responses < 2) {
    return {
      field: 'responses',
      message: `\`${algorithm}\` compares the responses to a prompt with one another, and here is one to each`,
      hint: 'give `responses` 2 or more; 8 is usual',
    };
  }
  if (miniBatch > batch * responses) {
    return {
      field: 'miniBatch',
      message: `an optimizer step of ${miniBatch} responses is more than the round of ${batch * responses}`,
      hint: 'lower `miniBatch` or raise `batch`',
    };
  }
  if (maxResponse >= context) {
    return {
      field: 'maxResponse',
      message: `a response of ${maxResponse} tokens leaves no room for a prompt in the model's context of ${context}`,
      hint: 'lower `maxResponse`, or give the model a longer `context`',
    };
  }
  if (overlongBuffer > maxResponse) {
    return {
      field: 'overlongBuffer',
      message: `the reward of a response cannot fall over ${overlongBuffer} tokens of ${maxResponse}`,
      hint: 'lower `overlongBuffer`, or raise `maxResponse`',
    };
  }
  if (dualClip !== 0 && dualClip <= 1) {
    return {
      field: 'dualClip',
      message: `\`dualClip\` is ${dualClip}, and a bound on ratios of 1 or less would clip what has not moved`,
      hint: 'give more than 1 (3 is usual), or 0, which is off',
    };
  }
  return undefined;
}

type Defined<T> = { [Name in keyof T]?: Exclude<T[Name], undefined> };

function definedOf<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>;
}
