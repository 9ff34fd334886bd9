import { interleavedCounts } from '../schemas/interleave.ts';
import type { WeightedMixture } from '../schemas/types/job.ts';
import { defaults, derived } from './defaults.ts';
import type { DiagnosticCode } from './diagnostic.ts';
import type { Fields } from './fields.ts';
import { type SharedEntry, weightsOf } from './mixture.ts';
import { roundedQuotient, totalTokens } from './quantities.ts';
import type { Path } from './syntax.ts';

/** A schedule of text training, with its amounts in steps where they may not depend on the budget. */
export type TextSchedule =
  | { schedule: 'cosine' | 'constant'; warmup: number }
  | { schedule: 'wsd'; warmupSteps: number; decaySteps: number };

/** How long a run is. */
export interface Extent {
  steps: number;
  /** Tokens in one step. */
  batchTokens: number;
  /** Of the model. */
  parameters: number;
}

type Report = (path: Path, code: DiagnosticCode, message: string, hint: string) => void;

/**
 * The schedule of a `pretrain` or `cpt` stage: which one, its warm-up, and of wsd its decay. Under wsd the warm-up is an
 * amount of tokens, the same for every budget, because budgets share what comes before their decays; it is rounded to the
 * nearest step, as is the decay, which has one at least. Undefined when something does not fit, which is reported.
 */
export function resolveSchedule(
  kind: 'pretrain' | 'cpt',
  fields: Fields,
  { steps, batchTokens, parameters }: Extent,
  report: Report,
): TextSchedule | undefined {
  const schedule = scheduleIn(fields);
  const asked = fields.span('warmup');
  if (schedule !== 'wsd') {
    if (fields.fraction('decay') !== undefined) {
      const message = `\`decay\` is how a run under wsd ends, and this one has the schedule ${schedule}`;
      report(fields.path('decay'), 'bad-value', message, 'say `schedule: wsd`, or leave `decay` out');
      return undefined;
    }
    if (asked && !('share' in asked)) {
      const message = `under the schedule ${schedule} the warm-up is a share of the steps, and this is an amount of tokens`;
      report(fields.path('warmup'), 'bad-value', message, 'write a share, such as 10%, or say `schedule: wsd`');
      return undefined;
    }
    return { schedule, warmup: asked?.share ?? defaults[kind].warmup };
  }
  if (asked && 'share' in asked && asked.share > 0) {
    const message = 'under wsd the warm-up is an amount of tokens: as a share it would be another for each budget';
    report(
      fields.path('warmup'),
      'bad-value',
      message,
      'write an amount, such as 300K, 2M, or 1x for a token a parameter',
    );
    return undefined;
  }
  const tokens = !asked ? derived.wsdWarmup(parameters) : 'share' in asked ? 0 : totalTokens(asked, parameters);
  const decay = fields.fraction('decay') ?? defaults[kind].decay;
  const decaySteps = Math.max(1, Math.round(decay * steps));
  const warmupSteps = tokens === undefined ? undefined : Number(roundedQuotient(BigInt(tokens), BigInt(batchTokens)));
  if (warmupSteps === undefined || warmupSteps + decaySteps >= steps) {
    const warm = warmupSteps === undefined ? 'more steps than can be counted' : inSteps(warmupSteps);
    const message = `a warm-up of ${warm} and a decay of ${inSteps(decaySteps)} leave nothing at \`lr\` of ${inSteps(steps)}`;
    const decayIsMore = fields.fraction('decay') !== undefined && decaySteps > (warmupSteps ?? 0);
    const field = decayIsMore ? 'decay' : asked ? 'warmup' : 'tokens';
    const usual = asked ? '' : ' (the warm-up is 1x, a token for each parameter, where `warmup` says nothing)';
    report(fields.path(field), 'bad-value', message + usual, 'raise `tokens`, or give a smaller `warmup` or `decay`');
    return undefined;
  }
  return { schedule, warmupSteps, decaySteps };
}

/**
 * The mix of a run of so many sequences under wsd: weights, and the counts that they come to. The longer run's counts are
 * those of the shorter and what comes after.
 */
export function weightedMixture(
  entries: readonly SharedEntry[],
  ranks: readonly string[],
  sequences: number,
): WeightedMixture {
  const weights = weightsOf(entries, ranks);
  return atLength(
    entries.map(({ name, source }, index) => ({ name, source, weight: weights[index] as number })),
    sequences,
  );
}

/** A mix at another length: the same weights, and the counts that they come to. */
export function atLength(
  entries: readonly Omit<WeightedMixture[number], 'sequences'>[],
  sequences: number,
): WeightedMixture {
  const counts = interleavedCounts(
    entries.map(({ weight }) => weight),
    sequences,
  );
  return entries.map(({ name, source, weight }, index) => ({
    name,
    source,
    weight,
    sequences: counts[index] as number,
  })) as WeightedMixture;
}

/** The schedule that a stage names, else the usual one. */
export function scheduleIn(fields: Fields): TextSchedule['schedule'] {
  const named = fields.text('schedule');
  return named === 'constant' || named === 'wsd' ? named : 'cosine';
}

function inSteps(steps: number): string {
  return `${steps.toLocaleString('en')} step${steps === 1 ? '' : 's'}`;
}
