import { graderVersion } from '../schemas/catalogue.ts';
import type { BuildRecipe, Extent, GenerateRecipe, Part, Selection } from '../schemas/types/job.ts';
import { type Ancestry, askedBy } from './ancestry.ts';
import { type MadeSets, partOf, setNameOf, sourceOf, suiteOf } from './data.ts';
import { defaults } from './defaults.ts';
import type { Fields } from './fields.ts';
import type { PlanNode } from './plan.ts';
import type { Resolved, Surroundings } from './resolved.ts';
import { type DeclaredStage, dataReferences, operationOf } from './stages.ts';
import { listAt, own } from './tree.ts';

/** Responses of a model to problems; `ancestry` is null where an endpoint answers. Undefined where something does not fit, which is reported. */
export function resolveGenerate(
  fields: Fields,
  ancestry: Ancestry | null,
  made: MadeSets,
  around: Surroundings,
): Resolved | undefined {
  const usual = defaults.generate;
  const data = partOf(around.file, fields.text('data') ?? '', 'problems', made);
  const endpoint = fields.text('endpoint');
  const asked = {
    split: fields.text('split') === 'rl' ? ('rl' as const) : usual.split,
    problems: fields.count('problems') ?? 1,
    samples: fields.count('samples') ?? usual.samples,
    temperature: fields.number('temperature') ?? usual.temperature,
    topP: fields.fraction('topP') ?? usual.topP,
    maxResponse: fields.count('maxResponse') ?? usual.maxResponse,
    ...(endpoint !== undefined && { endpoint }),
  };
  const refuse = (field: string, message: string, hint: string) => {
    around.report(fields.path(field), 'bad-value', message, hint);
    return undefined;
  };
  if (endpoint !== undefined && /^https?:/.test(endpoint))
    return refuse(
      'endpoint',
      `\`${endpoint}\` is an address, and \`endpoint\` is the name of a model there`,
      'name the model as the server calls it; the address is in OPENAI_BASE_URL, where the worker is started',
    );
  if (asked.temperature === 0 && asked.samples > 1)
    return refuse(
      'samples',
      `at \`temperature\` 0 all ${asked.samples} responses to a problem are the same`,
      'lower `samples` to 1, or raise `temperature`',
    );
  if (ancestry && asked.maxResponse >= ancestry.architecture.context)
    return refuse(
      'maxResponse',
      `a response of ${asked.maxResponse} tokens leaves no room for a prompt in the model's context of ${ancestry.architecture.context}`,
      'lower `maxResponse`, or take a model with a longer `context`',
    );
  const recipe: GenerateRecipe = { data, ...asked, ...(ancestry && askedBy(ancestry.template)), grader: graderVersion };
  return { task: { type: 'generate', recipe }, settings: { data: data.name, ...asked } };
}

/** A data set made of others. Undefined where something does not fit, which is reported. */
export function resolveBuild(
  fields: Fields,
  stage: DeclaredStage,
  made: MadeSets,
  around: Surroundings,
): Resolved | undefined {
  const parts = dataReferences(stage.body).map((reference) => partOf(around.file, reference, 'problems', made));
  const recipe = recipeOf(fields, stage, parts as [Part, ...Part[]], around);
  if (!recipe) return undefined;
  const { operation, data: _, ...options } = recipe;
  const settings = { data: parts.map(({ name }) => name).join(' + '), operation, ...spelled(options) };
  return { task: { type: 'build', recipe }, settings };
}

function recipeOf(
  fields: Fields,
  stage: DeclaredStage,
  parts: [Part, ...Part[]],
  around: Surroundings,
): BuildRecipe | undefined {
  const operation = operationOf(stage);
  const [data, second, ...others] = parts;
  switch (operation) {
    case 'correct':
      return { operation, data };
    case 'agree': {
      const least = fields.count('agree') ?? 0;
      if (second === undefined || least < 2 || least > parts.length) {
        const message = `${least} of ${parts.length} data sets are to agree`;
        around.report(
          fields.path('agree'),
          'bad-value',
          message,
          'name two data sets or more, and ask 2 or more of them to agree',
        );
        return undefined;
      }
      return { operation, data: [data, second, ...others], least };
    }
    case 'dedupe':
      return { operation, data: parts, by: fields.text('dedupe') === 'grams' ? 'grams' : 'prompt' };
    case 'decontaminate': {
      const [first, ...more] = listAt(stage.body, 'decontaminate')
        .map(String)
        .map((reference) => testsOf(reference, around));
      if (!first) throw new Error(`${stage.name} compares with nothing`);
      return { operation, data, against: [first, ...more] };
    }
    case 'split': {
      const [sft, rl] = [extentOf(fields, 'sft'), extentOf(fields, 'rl')];
      if ('share' in sft && 'share' in rl && sft.share + rl.share > 1 + 1e-9) {
        const message = 'the shares for SFT and for RL are more than 100 % together';
        around.report(fields.path('split'), 'bad-value', message, 'lower one of them: no problem may be for both');
        return undefined;
      }
      return { operation, data, order: fields.text('order') === 'random' ? 'random' : defaults.build.order, sft, rl };
    }
    case 'pairs':
      return { operation, data, perProblem: fields.count('pairs') ?? 1 };
    case undefined:
      throw new Error(`${stage.name} builds nothing`);
  }
}

/** What a data set has to be asked: its test problems, or the items of a cloze task. */
function testsOf(reference: string, { file }: Surroundings): Selection {
  const name = setNameOf(reference);
  const declared = own(file.data, name);
  const split = declared && suiteOf(declared)?.part === 'choices' ? 'choices' : 'test';
  return { name, split, problems: defaults.build.compared, source: sourceOf(file, name) };
}

function extentOf(fields: Fields, side: 'sft' | 'rl'): Extent {
  const extent = fields.extent('split', side);
  if (!extent) throw new Error(`a split without its part for ${side}`);
  return extent;
}

/** What an operation is told, flat. */
function spelled(options: object): PlanNode['settings'] {
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => {
      if (Array.isArray(value)) return [name, value.map((selection: Selection) => selection.name).join(' + ')];
      if (typeof value !== 'object') return [name, value];
      const { problems, share } = value as { problems?: number; share?: number };
      return [name, problems ?? share ?? null];
    }),
  );
}
