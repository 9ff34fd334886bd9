import type { Precision, WeightDecayOn } from '../schemas/types/job.ts';
import { defaults, derived } from './defaults.ts';
import type { Fields } from './fields.ts';
import type { Surroundings } from './resolved.ts';

/** What of a recipe is its optimizer's. */
export interface Optimizer {
  lr: number;
  minLr: number;
  weightDecay: number;
  betas: [number, number];
  clip: number;
  precision: Precision;
  weightDecayOn: WeightDecayOn;
}

/** The optimizer that a stage says, with its defaults. Undefined where something does not fit, which is reported. */
export function resolveOptimizer(
  kind: 'pretrain' | 'cpt' | 'sft' | 'dpo' | 'reward',
  fields: Fields,
  around: Surroundings,
): Optimizer | undefined {
  const usual = defaults[kind];
  const lr = fields.number('lr') ?? usual.lr;
  const minLr =
    fields.number('minLr') ?? (kind === 'pretrain' || kind === 'cpt' ? derived.minLr(lr) : defaults[kind].minLr);
  if (minLr > lr) {
    around.report(
      fields.path('minLr'),
      'bad-value',
      `\`minLr\` is ${minLr}, more than the peak learning rate of ${lr}`,
      'lower `minLr`, or raise `lr`',
    );
    return undefined;
  }
  return {
    lr,
    minLr,
    weightDecay: fields.number('weightDecay') ?? usual.weightDecay,
    betas: fields.betas() ?? [...usual.betas],
    clip: fields.number('clip') ?? usual.clip,
    precision: fields.precision() ?? usual.precision,
    weightDecayOn: fields.text('weightDecayOn') === 'matrices' ? 'matrices' : usual.weightDecayOn,
  };
}

/** Settings are flat: the two betas stand side by side. */
export function flat<T extends { betas: [number, number] }>({
  betas,
  ...others
}: T): Omit<T, 'betas'> & { beta1: number; beta2: number } {
  return { ...others, beta1: betas[0], beta2: betas[1] };
}
