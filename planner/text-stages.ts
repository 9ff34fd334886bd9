import type { CptRecipe, Mixture, PretrainRecipe } from '../schemas/types/job.ts';
import type { Ancestry } from './ancestry.ts';
import { parameterCount } from './architecture.ts';
import { setNameOf, sourceOf } from './data.ts';
import { defaults } from './defaults.ts';
import type { Fields } from './fields.ts';
import { sourceIdentity } from './identity.ts';
import { canonicalJson } from './key.ts';
import { apportionMix, type MixtureEntry, replayOf, type SharedEntry } from './mixture.ts';
import { flat, resolveOptimizer } from './optimizer.ts';
import { rational, roundedQuotient, type Share, toNumber, totalTokens } from './quantities.ts';
import type { ResolvedStage, Surroundings } from './resolved.ts';
import { resolveSchedule, weightedMixture } from './wsd.ts';

/** A stage that learns from text: its steps, its exact mixture, its schedule. Undefined where something does not fit, which is reported. */
export function resolveText(
  kind: 'pretrain' | 'cpt',
  fields: Fields,
  ancestry: Ancestry,
  around: Surroundings,
): ResolvedStage | undefined {
  const { architecture } = ancestry;
  const { context } = architecture;
  const asked = fields.tokens('tokens');
  const tokens = asked && totalTokens(asked, parameterCount(architecture));
  if (tokens === undefined) {
    around.report(fields.path('tokens'), 'bad-quantity', 'this is more tokens than can be counted exactly');
    return undefined;
  }
  const batchTokens = fields.count('batch') ?? defaults[kind].batchSequences * context;
  if (batchTokens < context) {
    around.report(
      fields.path('batch'),
      'bad-value',
      `a batch of ${batchTokens} tokens is less than one sequence of ${context}`,
      `give \`batch\` ${context} or more`,
    );
    return undefined;
  }
  if (batchTokens > tokens) {
    around.report(
      fields.path(fields.count('batch') === undefined ? 'tokens' : 'batch'),
      'bad-value',
      `one batch of ${batchTokens.toLocaleString('en')} tokens is more than all the ${tokens.toLocaleString('en')} to train on`,
      'raise `tokens`, or give a smaller `batch`',
    );
    return undefined;
  }
  const batchSequences = Number(roundedQuotient(BigInt(batchTokens), BigInt(context)));
  // At least one: a batch is no more than all tokens, and its sequences round up to no more than half as many again.
  const steps = Number(roundedQuotient(BigInt(tokens), BigInt(batchSequences) * BigInt(context)));
  const sequences = steps * batchSequences;
  const mixed = resolveMix(fields, tokens, sequences, ancestry.corpus, around);
  const optimizer = resolveOptimizer(kind, fields, around);
  const extent = { steps, batchTokens: batchSequences * context, parameters: parameterCount(architecture) };
  const schedule = resolveSchedule(kind, fields, extent, around.report);
  if (!mixed || !optimizer || !schedule) return undefined;
  const { entries, ranks } = mixed;
  // Under wsd the mix is weights, and the counts follow from them: so that a longer run begins as a shorter one.
  const recipe: CptRecipe =
    schedule.schedule === 'wsd'
      ? { mix: weightedMixture(entries, ranks, sequences), steps, batchSequences, ...optimizer, ...schedule }
      : { mix: countedMixture(entries), steps, batchSequences, ...optimizer, ...schedule };
  const seen = sequences * context;
  const replaySequences = sequencesOf(recipe.mix.filter(({ name }) => name.startsWith('replay:')));
  const settings = {
    ...(kind === 'pretrain'
      ? { model: fields.text('model') ?? '', parameters: parameterCount(architecture), context }
      : {}),
    data: mixed.data,
    tokens: seen,
    steps,
    batchTokens: batchSequences * context,
    ...(kind === 'cpt' ? { replayShare: mixed.replayShare, replayTokens: replaySequences * context } : {}),
    ...flat(optimizer),
    ...schedule,
  };
  const pretraining: PretrainRecipe = { architecture, ...recipe };
  return {
    task: kind === 'pretrain' ? { type: kind, recipe: pretraining } : { type: kind, recipe },
    ancestry: ancestry.corpus ? ancestry : { ...ancestry, corpus: { tokens: seen, mixture: recipe.mix } },
    settings,
  };
}

interface ResolvedMix {
  /** What gets something of the mix, by rank. */
  entries: SharedEntry[];
  /** What the entries are, which orders them. */
  ranks: string[];
  /** Names of the data sets as they are written. */
  data: string;
  replayShare: number;
}

/**
 * The mixture in an order that depends on what the sources are, not on where they stand in the file: the trainer's order of
 * training follows it. Sources that get nothing are left out, so that 0 % is the same as none.
 */
function resolveMix(
  fields: Fields,
  tokens: number,
  sequences: number,
  saw: Ancestry['corpus'],
  around: Surroundings,
): ResolvedMix | undefined {
  const { file, dataKeys } = around;
  const single = fields.text('data');
  const whole: Share = { kind: 'mix', fraction: { numerator: 1n, denominator: 1n } };
  const shares = single === undefined ? fields.shares('mix') : new Map([[single, whole]]);
  const ofPretraining = [...shares].find(([name, { kind }]) => name === 'replay' || kind === 'pretrain');
  if (saw === 'unknown' && ofPretraining) {
    around.report(
      fields.path('mix', ofPretraining[0]),
      'bad-mix',
      'what an adopted model was pretrained on is not known, so nothing can be a part of it',
      'name a data set that is like it, and its share of this mix: web: 20%',
    );
    return undefined;
  }
  const corpus = saw === 'unknown' ? null : saw;
  const rankOf = (source: MixtureEntry['source']) => canonicalJson(sourceIdentity(source, dataKeys));
  const entries = [...shares].map(([name, share]) => ({
    name,
    share,
    source: name === 'replay' ? undefined : sourceOf(file, setNameOf(name)),
  }));
  const declared = entries.map(({ name, share, source }) => ({ name, share, rank: source ? rankOf(source) : name }));
  const apportioned = apportionMix(declared, tokens, sequences, corpus?.tokens);
  if (!apportioned.ok) {
    const { entry, problem, hint } = apportioned;
    around.report(
      single === undefined ? fields.path('mix', ...(entry === undefined ? [] : [entry])) : fields.path('data'),
      'bad-mix',
      problem,
      hint,
    );
    return undefined;
  }
  const nothing = rational(0n, 1n);
  const partOf = (name: string) => ({
    sequences: apportioned.sequences.get(name) ?? 0,
    fraction: apportioned.fractions.get(name) ?? nothing,
  });
  const replay = partOf('replay');
  const mixture: SharedEntry[] = corpus ? replayOf(corpus, replay.sequences, replay.fraction, rankOf) : [];
  for (const { name, source } of entries) if (source) mixture.push({ name: setNameOf(name), source, ...partOf(name) });
  const ranked = mixture
    .filter(({ fraction }) => fraction.numerator > 0n)
    .map((entry) => ({ entry, rank: rankOf(entry.source) }));
  ranked.sort((a, b) => (a.rank === b.rank ? a.entry.sequences - b.entry.sequences : a.rank < b.rank ? -1 : 1));
  return {
    entries: ranked.map(({ entry }) => entry),
    ranks: ranked.map(({ rank }) => rank),
    data: [...shares.keys()].join(' + '),
    replayShare: toNumber(replay.fraction),
  };
}

/** A mix of exactly so many sequences of each source; one whose part comes to none is left out. */
function countedMixture(entries: readonly SharedEntry[]): Mixture {
  return entries
    .filter(({ sequences }) => sequences > 0)
    .map(({ name, source, sequences }) => ({ name, source, sequences })) as Mixture;
}

function sequencesOf(entries: readonly { sequences: number }[]): number {
  return entries.reduce((sum, { sequences }) => sum + sequences, 0);
}
