import { type AxisValue, addressOf, type Setting } from './axes.ts';
import { type Candidate, candidatesOf, readSpace, type Space } from './space.ts';
import { declaredStages, type StageScope, scopesOf } from './stages.ts';
import type { Source } from './syntax.ts';

/** A stage with its axes fixed: a node to be. */
export interface Variant {
  address: string;
  setting: Setting;
  /** The address of the variant that it starts from; undefined of what starts from no stage. */
  parent: string | undefined;
  /** The addresses of the variants whose data sets it reads, by stage. */
  reads: ReadonlyMap<string, string>;
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
    const { name, from, reads } = scope.stage;
    const candidates = [...candidatesOf(space, scope)];
    const variants: Variant[] = [];
    for (const { setting, exclude } of candidates) {
      if (exclude) continue;
      const addressIn = (stage: string) => addressOf(stage, settingIn(scopes.get(stage), scope, setting));
      variants.push({
        address: addressOf(name, setting),
        setting,
        parent: from && addressIn(from.stage),
        reads: new Map(reads.map((stage) => [stage, addressIn(stage)])),
      });
    }
    return { scope, candidates, variants };
  });
  return { space, stages };
}

/** The setting of the variant that a node starts from, or reads: pinned values, for the other axes those of the node. */
function settingIn(before: StageScope | undefined, { pins }: StageScope, setting: Setting): Setting {
  const values = new Map<string, AxisValue>();
  for (const { name } of before?.axes ?? []) {
    const value = pins.get(name) ?? setting.get(name);
    if (value) values.set(name, value);
  }
  return values;
}
