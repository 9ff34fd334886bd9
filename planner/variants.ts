import { type AxisValue, addressOf, type Setting } from './axes.ts';
import { type Candidate, candidatesOf, readSpace, type Space } from './space.ts';
import { declaredStages, type StageScope, scopesOf } from './stages.ts';
import type { Source } from './syntax.ts';

/** A stage with its axes fixed: a node to be. */
export interface Variant {
  address: string;
  setting: Setting;
  /** The address of the variant that it starts from; undefined for pretraining. */
  parent: string | undefined;
}

/** A stage with all its variants. */
export interface ExpandedStage {
  scope: StageScope;
  /** What settings it could have, those that are excluded too. */
  candidates: readonly Candidate[];
  variants: readonly Variant[];
}

/** The stages of a file, parents first, expanded over its axes. */
export interface Expansion {
  space: Space;
  stages: readonly ExpandedStage[];
}

/** Expands the stages of a file: of each the settings of its grid in declared order, then those that the includes add. */
export function expandStages(source: Source): Expansion {
  const space = readSpace(source);
  const scopes = scopesOf(declaredStages(source.value), space);
  const stages = [...scopes.values()].map((scope) => {
    const { name, from } = scope.stage;
    const candidates = [...candidatesOf(space, scope)];
    const variants: Variant[] = [];
    for (const { setting, exclude } of candidates) {
      if (exclude) continue;
      const parent = from && addressOf(from.stage, parentSetting(scope, setting, scopes.get(from.stage)));
      variants.push({ address: addressOf(name, setting), setting, parent });
    }
    return { scope, candidates, variants };
  });
  return { space, stages };
}

/** The setting of the variant that a node starts from: pinned values, for the other axes those of the node. */
function parentSetting({ pins }: StageScope, setting: Setting, parent: StageScope | undefined): Setting {
  const values = new Map<string, AxisValue>();
  for (const { name } of parent?.axes ?? []) {
    const value = pins.get(name) ?? setting.get(name);
    if (value) values.set(name, value);
  }
  return values;
}
