import type { Ancestry } from './ancestry.ts';
import { type AxisValue, addressOf, axisNamed, type Setting } from './axes.ts';
import { resolveBuild, resolveGenerate } from './building.ts';
import type { MadeSets } from './data.ts';
import { withEngine } from './engines.ts';
import { resolvePairs, resolveRl, resolveSft } from './example-stages.ts';
import { type Fields, fieldsOf } from './fields.ts';
import type { Resolved, ResolvedStage, Surroundings } from './resolved.ts';
import type { DeclaredStage } from './stages.ts';
import { resolveText } from './text-stages.ts';
import { scalars } from './tree.ts';

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
  const resolved = resolveTraining(fields, kind, ancestry, made, around);
  return resolved && withEngine(resolved, fields, around.report);
}

function resolveTraining(
  fields: Fields,
  kind: DeclaredStage['kind'],
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
