import type {
  Architecture,
  CptRecipe,
  Mixture,
  Precision,
  PretrainRecipe,
  SftRecipe,
  WeightDecayOn,
} from '../schemas/types/job.ts';
import type { LineageFile } from '../schemas/types/lineage.ts';
import { rlRecipe } from './algorithms.ts';
import { parameterCount } from './architecture.ts';
import { type AxisValue, addressOf, axisNamed, type Setting } from './axes.ts';
import { partOf, setNameOf, sourceOf } from './data.ts';
import { defaults, derived } from './defaults.ts';
import type { DiagnosticCode } from './diagnostic.ts';
import { type Fields, fieldsOf } from './fields.ts';
import { sourceIdentity } from './identity.ts';
import { canonicalJson } from './key.ts';
import { apportionMix, type Corpus, type MixtureEntry, replayOf, type SharedEntry } from './mixture.ts';
import type { Key, PlanNode, Task } from './plan.ts';
import { rational, roundedQuotient, type Share, toNumber, totalTokens } from './quantities.ts';
import type { DeclaredStage } from './stages.ts';
import type { Path } from './syntax.ts';
import { scalars } from './tree.ts';
import { resolveSchedule, weightedMixture } from './wsd.ts';

/**
 * What a stage starts from: the shape of its model, and what its pretraining saw. Null for pretraining itself; nobody knows
 * it of a model that was adopted.
 */
export interface Ancestry {
  architecture: Architecture;
  corpus: Corpus | 'unknown' | null;
}

/** What resolving needs besides the stage. */
export interface Surroundings {
  file: LineageFile;
  /** Keys of the data nodes, by role. */
  dataKeys: Readonly<Record<string, Key>>;
  /** Told what does not fit; the path says where. */
  report(path: Path, code: DiagnosticCode, message: string, hint?: string): void;
}

/** A stage with its axes fixed: the exact task, and what a stage after it starts from. */
export interface ResolvedStage {
  task: Task;
  ancestry: Ancestry;
  settings: PlanNode['settings'];
}

/** Resolves a stage: units, defaults, steps, exact mixture. Undefined when something does not fit, which is reported. */
export type ResolveStage = (stage: DeclaredStage, setting: Setting, ancestry: Ancestry) => ResolvedStage | undefined;

/**
 * What resolves the stages of one lineage. A stage is resolved once for the values that it mentions itself and the ancestry
 * that it starts from: variants that differ in nothing else, such as seeds, share the result.
 */
export function stageResolver(around: Surroundings): ResolveStage {
  const known = new Map<Ancestry, Map<string, ResolvedStage | undefined>>();
  const mentions = new Map<DeclaredStage, readonly string[]>();
  return (stage, setting, ancestry) => {
    const resolved = known.get(ancestry) ?? new Map<string, ResolvedStage | undefined>();
    known.set(ancestry, resolved);
    const names = mentions.get(stage) ?? axesMentioned(stage);
    mentions.set(stage, names);
    const mentioned = mentionedOf(names, setting);
    const variant = addressOf(stage.name, mentioned);
    if (!resolved.has(variant)) {
      const within = setting.size === 0 ? around : reportingFor(addressOf(stage.name, setting), around);
      resolved.set(variant, resolveStage(stage, mentioned, ancestry, within));
    }
    return resolved.get(variant);
  };
}

/** The axes that a stage's own fields take their values from. */
function axesMentioned(stage: DeclaredStage): string[] {
  return [...scalars(stage.body)].flatMap(({ value }) => axisNamed(value) ?? []);
}

/** What a setting has of some axes. */
function mentionedOf(names: readonly string[], setting: Setting): Setting {
  const mentioned = new Map<string, AxisValue>();
  for (const name of names) {
    const picked = setting.get(name);
    if (picked) mentioned.set(name, picked);
  }
  return mentioned;
}

/** Says of which variant a report is. */
function reportingFor(address: string, around: Surroundings): Surroundings {
  return {
    ...around,
    report: (path, code, message, hint) => around.report(path, code, `${message} (in \`${address}\`)`, hint),
  };
}

function resolveStage(
  stage: DeclaredStage,
  setting: Setting,
  ancestry: Ancestry,
  around: Surroundings,
): ResolvedStage | undefined {
  const fields = fieldsOf(stage, setting);
  switch (stage.kind) {
    case 'pretrain':
    case 'cpt':
      return resolveText(stage.kind, fields, ancestry, around);
    case 'sft':
      return resolveSft(fields, ancestry, around);
    case 'rl':
      return resolveRl(fields, ancestry, around);
    case 'adopt': // a checkpoint is what it is
    case undefined:
      return undefined;
  }
}

function resolveText(
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
    ancestry: ancestry.corpus ? ancestry : { architecture, corpus: { tokens: seen, mixture: recipe.mix } },
    settings,
  };
}

function resolveSft(fields: Fields, ancestry: Ancestry, around: Surroundings): ResolvedStage | undefined {
  const common = resolveOptimizer('sft', fields, around);
  if (!common || !ancestry.corpus) return undefined;
  const optimizer = {
    ...common,
    warmup: fields.fraction('warmup') ?? defaults.sft.warmup,
    schedule: fields.text('schedule') === 'constant' ? ('constant' as const) : ('cosine' as const),
  };
  const reference = fields.text('data') ?? '';
  const recipe: SftRecipe = {
    data: partOf(around.file, reference, 'problems'),
    examples: fields.count('examples') ?? 1,
    epochs: fields.count('epochs') ?? defaults.sft.epochs,
    batch: fields.count('batch') ?? defaults.sft.batch,
    ...optimizer,
  };
  const { examples, epochs, batch } = recipe;
  const settings = { data: recipe.data.name, examples, epochs, batch, ...flat(optimizer) };
  return { task: { type: 'sft', recipe }, ancestry, settings };
}

function resolveRl(fields: Fields, ancestry: Ancestry, around: Surroundings): ResolvedStage | undefined {
  if (!ancestry.corpus) return undefined;
  const part = partOf(around.file, fields.text('data') ?? '', 'problems');
  const recipe = rlRecipe(fields, part, ancestry.architecture.context, around.report);
  if (!recipe) return undefined;
  const { data, ...numbers } = recipe;
  return { task: { type: 'rl', recipe }, ancestry, settings: { data: data.name, ...flat(numbers) } };
}

interface Optimizer {
  lr: number;
  minLr: number;
  weightDecay: number;
  betas: [number, number];
  clip: number;
  precision: Precision;
  weightDecayOn: WeightDecayOn;
}

function resolveOptimizer(
  kind: 'pretrain' | 'cpt' | 'sft',
  fields: Fields,
  around: Surroundings,
): Optimizer | undefined {
  const usual = defaults[kind];
  const lr = fields.number('lr') ?? usual.lr;
  const minLr = fields.number('minLr') ?? (kind === 'sft' ? defaults.sft.minLr : derived.minLr(lr));
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

/** Settings are flat: the two betas stand side by side. */
function flat<T extends { betas: [number, number] }>({
  betas,
  ...others
}: T): Omit<T, 'betas'> & { beta1: number; beta2: number } {
  return { ...others, beta1: betas[0], beta2: betas[1] };
}
