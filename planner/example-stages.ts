import type { DpoRecipe, RewardRecipe, SftRecipe } from '../schemas/types/job.ts';
import { rlRecipe } from './algorithms.ts';
import { type Ancestry, askedBy } from './ancestry.ts';
import { type MadeSets, partOf } from './data.ts';
import { defaults } from './defaults.ts';
import type { Fields } from './fields.ts';
import { flat, type Optimizer, resolveOptimizer } from './optimizer.ts';
import type { Task } from './plan.ts';
import type { ResolvedStage, Surroundings } from './resolved.ts';

/** A stage that learns from worked problems. Undefined where something does not fit, which is reported. */
export function resolveSft(
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

/** A stage that learns from pairs of responses. Undefined where something does not fit, which is reported. */
export function resolvePairs(
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

/** A stage that learns from rewards. Undefined where something does not fit, which is reported. */
export function resolveRl(
  fields: Fields,
  ancestry: Ancestry,
  made: MadeSets,
  around: Surroundings,
): ResolvedStage | undefined {
  if (!ancestry.corpus) return undefined;
  const part = partOf(around.file, fields.text('data') ?? '', 'problems', made);
  const found = rlRecipe(fields, part, ancestry.architecture.context, around.report);
  if (!found) return undefined;
  const recipe = { ...found, ...askedBy(ancestry.template) };
  const { data, ...numbers } = recipe;
  return { task: { type: 'rl', recipe }, ancestry, settings: { data: data.name, ...flat(numbers) } };
}
