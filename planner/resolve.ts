import type {
  Architecture,
  CptRecipe,
  DpoRecipe,
  Mixture,
  Precision,
  PretrainRecipe,
  RewardRecipe,
  RlRecipe,
  SftRecipe,
  Template,
  WeightDecayOn,
} from '../schemas/types/job.ts';
import type { LineageFile } from '../schemas/types/lineage.ts';
import { parameterCount } from './architecture.ts';
import { type AxisValue, addressOf, axisNamed, type Setting } from './axes.ts';
import { resolveBuild, resolveGenerate } from './building.ts';
import { type MadeSets, partOf, setNameOf, sourceOf } from './data.ts';
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
  /** How the model is asked: as the last fine-tuning taught it. */
  template: Template;
  /** Whether its tokenizer has a chat template; undefined where only a download will tell. What is trained here has one. */
  hasTemplate: boolean | undefined;
}

/** What resolving needs besides the stage. */
export interface Surroundings {
  file: LineageFile;
  /** Keys of the data nodes, by role. */
  dataKeys: Readonly<Record<string, Key>>;
  /** Told what does not fit; the path says where. */
  report(path: Path, code: DiagnosticCode, message: string, hint?: string): void;
}

/** A stage with its axes fixed: the exact task. */
export interface Resolved {
  task: Task;
  settings: PlanNode['settings'];
}

/** A stage that trains a model, with its axes fixed, and what a stage after it starts from. */
export interface ResolvedStage extends Resolved {
  ancestry: Ancestry;
}

/** Resolves stages: units, defaults, steps, exact mixture. Undefined when something does not fit, which is reported. */
export interface ResolveStage {
  /** A stage that trains a model. */
  trained(stage: DeclaredStage, setting: Setting, ancestry: Ancestry, made: MadeSets): ResolvedStage | undefined;
  /** A stage that makes a data set, with the model that answers where one does. */
  made(stage: DeclaredStage, setting: Setting, ancestry: Ancestry | null, made: MadeSets): Resolved | undefined;
}

/**
 * What resolves the stages of one lineage. A stage is resolved once for the values that it mentions itself and the ancestry
 * that it starts from: variants that differ in nothing else, such as seeds, share the result.
 */
export function stageResolver(around: Surroundings): ResolveStage {
  const mentions = new Map<DeclaredStage, readonly string[]>();
  const resolver = <From, Found>(
    resolve: (
      fields: Fields,
      stage: DeclaredStage,
      from: From,
      made: MadeSets,
      within: Surroundings,
    ) => Found | undefined,
  ) => {
    const known = new Map<From, Map<string, Found | undefined>>();
    return (stage: DeclaredStage, setting: Setting, from: From, made: MadeSets) => {
      const resolved = known.get(from) ?? new Map<string, Found | undefined>();
      known.set(from, resolved);
      const names = mentions.get(stage) ?? axesMentioned(stage);
      mentions.set(stage, names);
      const mentioned = mentionedOf(names, setting);
      const read = [...made.values()].map(({ prepared }) => prepared);
      const variant = [addressOf(stage.name, mentioned), ...read].join(' ');
      if (!resolved.has(variant)) {
        const within = setting.size === 0 ? around : reportingFor(addressOf(stage.name, setting), around);
        resolved.set(variant, resolve(fieldsOf(stage, mentioned), stage, from, made, within));
      }
      return resolved.get(variant);
    };
  };
  return { trained: resolver(resolveTrained), made: resolver(resolveMade) };
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

function resolveTrained(
  fields: Fields,
  { kind }: DeclaredStage,
  ancestry: Ancestry,
  made: MadeSets,
  around: Surroundings,
): ResolvedStage | undefined {
  switch (kind) {
    case 'pretrain':
    case 'cpt':
      return resolveText(kind, fields, ancestry, around);
    case 'sft':
      return resolveSft(fields, ancestry, made, around);
    case 'dpo':
    case 'reward':
      return resolvePairs(kind, fields, ancestry, made, around);
    case 'rl':
      return resolveRl(fields, ancestry, made, around);
    default:
      throw new Error(`a stage of kind ${kind} trains no model`);
  }
}

function resolveMade(
  fields: Fields,
  stage: DeclaredStage,
  ancestry: Ancestry | null,
  made: MadeSets,
  around: Surroundings,
): Resolved | undefined {
  return stage.kind === 'generate'
    ? resolveGenerate(fields, ancestry, made, around)
    : resolveBuild(fields, stage, made, around);
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
    ancestry: ancestry.corpus ? ancestry : { ...ancestry, corpus: { tokens: seen, mixture: recipe.mix } },
    settings,
  };
}

function resolveSft(
  fields: Fields,
  ancestry: Ancestry,
  made: MadeSets,
  around: Surroundings,
): ResolvedStage | undefined {
  const passes = resolvePasses('sft', fields, ancestry, around);
  if (!passes) return undefined;
  const data = partOf(around.file, fields.text('data') ?? '', 'problems', made);
  const usual = defaults.sft;
  const written = {
    template: fields.text('template') === 'tokenizer' ? 'tokenizer' : usual.template,
    packing: fields.flag('packing') ?? usual.packing,
    neftune: fields.number('neftune') ?? usual.neftune,
    overlong: fields.text('overlong') === 'drop' ? 'drop' : usual.overlong,
  } as const;
  if (written.template === 'tokenizer' && ancestry.hasTemplate === false) {
    around.report(
      fields.path('template'),
      'bad-value',
      'the tokenizer that this starts from has no chat template: neither `chat_template` in its tokenizer_config.json nor a chat_template.jinja',
      'remove `template`, for prompts as in the paper; or add a chat_template.jinja to the folder',
    );
    return undefined;
  }
  const recipe: SftRecipe = { data, ...passes, ...written };
  const settings = { data: data.name, ...flat(passes), ...written };
  const { template } = written;
  return { task: { type: 'sft', recipe }, ancestry: { ...ancestry, template, hasTemplate: true }, settings };
}

function resolvePairs(
  kind: 'dpo' | 'reward',
  fields: Fields,
  ancestry: Ancestry,
  made: MadeSets,
  around: Surroundings,
): ResolvedStage | undefined {
  const passes = resolvePasses(kind, fields, ancestry, around);
  if (!passes) return undefined;
  const data = partOf(around.file, fields.text('data') ?? '', 'preferences', made);
  const asked = askedBy(ancestry.template);
  const resolved = (task: Task, options: object) => ({
    task,
    ancestry,
    settings: { data: data.name, ...options, ...flat(passes) },
  });
  if (kind === 'reward') {
    const options = { centerCoef: fields.number('centerCoef') ?? defaults.reward.centerCoef };
    const recipe: RewardRecipe = { data, ...options, ...passes, ...asked };
    return resolved({ type: kind, recipe }, options);
  }
  const usual = defaults.dpo;
  const loss = fields.text('loss') === 'ipo' ? ('ipo' as const) : usual.loss;
  const options = {
    beta: fields.number('beta') ?? usual.beta,
    loss,
    // IPO has none: of an axis over losses, those that have it take it.
    labelSmoothing: loss === 'ipo' ? 0 : (fields.fraction('labelSmoothing') ?? usual.labelSmoothing),
    nllCoef: fields.number('nllCoef') ?? usual.nllCoef,
  };
  if (options.labelSmoothing >= 0.5) {
    const message = `\`labelSmoothing\` is ${options.labelSmoothing}: from a half on, the worse response is preferred`;
    around.report(fields.path('labelSmoothing'), 'bad-value', message, 'give it less than 0.5');
    return undefined;
  }
  const recipe: DpoRecipe = { data, ...options, ...passes, ...asked };
  return resolved({ type: kind, recipe }, options);
}

/** What a stage learns with that goes through examples in epochs. */
type Passes = Optimizer & Pick<SftRecipe, 'examples' | 'epochs' | 'batch' | 'warmup' | 'schedule'>;

function resolvePasses(
  kind: 'sft' | 'dpo' | 'reward',
  fields: Fields,
  ancestry: Ancestry,
  around: Surroundings,
): Passes | undefined {
  const optimizer = resolveOptimizer(kind, fields, around);
  if (!optimizer || !ancestry.corpus) return undefined;
  const usual = defaults[kind];
  return {
    examples: fields.count('examples') ?? 1,
    epochs: fields.count('epochs') ?? usual.epochs,
    batch: fields.count('batch') ?? usual.batch,
    ...optimizer,
    warmup: fields.fraction('warmup') ?? usual.warmup,
    schedule: fields.text('schedule') === 'constant' ? ('constant' as const) : usual.schedule,
  };
}

function resolveRl(
  fields: Fields,
  ancestry: Ancestry,
  made: MadeSets,
  around: Surroundings,
): ResolvedStage | undefined {
  const usual = defaults.rl;
  const { architecture } = ancestry;
  if (!ancestry.corpus) return undefined;
  const lr = fields.number('lr') ?? usual.lr;
  const batch = fields.count('batch') ?? usual.batch;
  const recipe: RlRecipe = {
    algorithm: usual.algorithm,
    data: partOf(around.file, fields.text('data') ?? '', 'problems', made),
    examples: fields.count('examples') ?? 1,
    epochs: fields.count('epochs') ?? usual.epochs,
    batch,
    miniBatch: fields.count('miniBatch') ?? derived.miniBatch(batch),
    innerEpochs: fields.count('innerEpochs') ?? usual.innerEpochs,
    maxResponse: fields.count('maxResponse') ?? usual.maxResponse,
    temperature: fields.number('temperature') ?? usual.temperature,
    lr,
    criticLr: fields.number('criticLr') ?? derived.criticLr(lr),
    warmup: fields.fraction('warmup') ?? usual.warmup,
    gamma: fields.fraction('gamma') ?? usual.gamma,
    lambda: fields.fraction('lambda') ?? usual.lambda,
    clipRatio: fields.number('clipRatio') ?? usual.clipRatio,
    valueClip: fields.number('valueClip') ?? usual.valueClip,
    klCoef: fields.number('klCoef') ?? usual.klCoef,
    entropyCoef: fields.number('entropyCoef') ?? usual.entropyCoef,
    weightDecay: fields.number('weightDecay') ?? usual.weightDecay,
    betas: fields.betas() ?? [...usual.betas],
    clip: fields.number('clip') ?? usual.clip,
    precision: fields.precision() ?? usual.precision,
    ...askedBy(ancestry.template),
  };
  if (recipe.miniBatch > batch) {
    around.report(
      fields.path('miniBatch'),
      'bad-value',
      `an optimizer step of ${recipe.miniBatch} responses is more than the round of ${batch}`,
      'lower `miniBatch` or raise `batch`',
    );
    return undefined;
  }
  if (recipe.maxResponse >= architecture.context) {
    const message = `a response of ${recipe.maxResponse} tokens leaves no room for a prompt in the model's context of ${architecture.context}`;
    around.report(
      fields.path('maxResponse'),
      'bad-value',
      message,
      'lower `maxResponse`, or give the model a longer `context`',
    );
    return undefined;
  }
  const { data, betas, ...numbers } = recipe;
  return {
    task: { type: 'rl', recipe },
    ancestry,
    settings: { data: data.name, ...flat({ ...numbers, betas }) },
  };
}

/** What says in a recipe how a model is asked; nothing where it is the default. */
export function askedBy(template: Template): { template?: Template } {
  return template === 'paper' ? {} : { template };
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
