import { type Axis, axisNamed, type Setting, seedAxes } from './axes.ts';
import type { NodeType } from './plan.ts';
import { pinnedValues, type Scope, type Space } from './space.ts';
import { isRecord, own, recordAt, scalars, textAt } from './tree.ts';

/** The kinds of stage that train a model. */
export const trainingKinds = ['pretrain', 'cpt', 'sft', 'rl'] as const;
export type TrainingKind = (typeof trainingKinds)[number];

/** The kinds of stage: those, the one that takes a model over, and the one that is a run at some point before its end. */
export const stageKinds = ['adopt', ...trainingKinds, 'checkpoint'] as const;
export type StageKind = (typeof stageKinds)[number];

/** Whether a node of this type trains a model. */
export function isTraining(type: NodeType): boolean {
  return trainingKinds.some((kind) => kind === type);
}

/** Whether a node of this type leaves a stage's model, which can be evaluated and trained on from. */
export function isModel(type: NodeType): boolean {
  return type === 'adopt' || type === 'checkpoint' || isTraining(type);
}

/** The part of its data that each kind of stage learns from. */
export const partOfStage: Readonly<Record<TrainingKind, 'text' | 'problems'>> = {
  pretrain: 'text',
  cpt: 'text',
  sft: 'problems',
  rl: 'problems',
};

/** `mid@replay=20%`: a stage, and the values that pick a variant of it, as they are written. */
export interface StageReference {
  stage: string;
  pins: ReadonlyMap<string, string>;
}

/** A stage as it is declared; it may yet be wrong in any way. */
export interface DeclaredStage {
  name: string;
  /** Undefined when it names no kind that exists. */
  kind: StageKind | undefined;
  body: Readonly<Record<string, unknown>>;
  /** What it starts from; of a checkpoint the run that it is of. */
  from: StageReference | undefined;
}

/** The stages of a file in declared order. */
export function declaredStages(value: unknown): Map<string, DeclaredStage> {
  const stages = new Map<string, DeclaredStage>();
  for (const [name, declared] of Object.entries(recordAt(value, 'stages'))) {
    const kind = isRecord(declared) ? stageKinds.find((candidate) => Object.hasOwn(declared, candidate)) : undefined;
    const body = kind ? recordAt(declared, kind) : {};
    const from = kind === 'pretrain' || kind === 'adopt' ? undefined : textAt(body, fromField(kind));
    stages.set(name, { name, kind, body, from: from === undefined ? undefined : parseReference(from) });
  }
  return stages;
}

/** The field of a stage that names the one before it. */
export function fromField(kind: StageKind | undefined): 'from' | 'of' {
  return kind === 'checkpoint' ? 'of' : 'from';
}

/** A reference's parts; text that is none is taken as a stage's name. */
function parseReference(text: string): StageReference {
  const at = text.indexOf('@');
  if (at < 0) return { stage: text, pins: new Map() };
  const pins = text
    .slice(at + 1)
    .split(',')
    .map((part): [string, string] => {
      const equals = part.indexOf('=');
      return equals < 0 ? [part, ''] : [part.slice(0, equals), part.slice(equals + 1)];
    });
  return { stage: text.slice(0, at), pins: new Map(pins) };
}

/** Stages with parents first, otherwise in declared order. Stages of a cycle, and what comes after one, are left out. */
export function parentsFirst(stages: ReadonlyMap<string, DeclaredStage>): DeclaredStage[] {
  const placed = new Map<string, DeclaredStage>();
  for (const stage of stages.values()) {
    const chain: DeclaredStage[] = [];
    const seen = new Set<string>();
    let next: DeclaredStage | undefined = stage;
    while (next && !placed.has(next.name) && !seen.has(next.name)) {
      chain.push(next);
      seen.add(next.name);
      next = next.from && stages.get(next.from.stage);
    }
    if (next && !placed.has(next.name)) continue; // ran into itself
    for (const link of chain.reverse()) placed.set(link.name, link);
  }
  return [...placed.values()];
}

/** What varies in a stage, and where it starts. */
export interface StageScope extends Scope {
  stage: DeclaredStage;
  /** The values that its reference to its parent pins. */
  pins: Setting;
}

/**
 * The scope of each stage, parents first: it varies over the axes that it, or a stage before it, mentions, but for those
 * that a reference on the way pins.
 */
export function scopesOf(stages: ReadonlyMap<string, DeclaredStage>, space: Space): Map<string, StageScope> {
  const scopes = new Map<string, StageScope>();
  for (const stage of parentsFirst(stages)) {
    const parent = stage.from && scopes.get(stage.from.stage);
    const names = mentionedAxes(stage, space.axes);
    const pins = parent && stage.from ? pinnedValues(space, parent.axes, stage.from.pins) : new Map();
    for (const { name } of parent?.axes ?? []) if (!pins.has(name) && !stage.from?.pins.has(name)) names.add(name);
    scopes.set(stage.name, {
      stage,
      axes: [...space.axes.values()].filter((axis) => names.has(axis.name)),
      fixed: new Map([...(parent?.fixed ?? []), ...pins].filter(([name]) => !names.has(name))),
      pins,
    });
  }
  return scopes;
}

/** The axes that a stage itself names, and the seed's unless it has a seed of its own, its run's, or draws nothing. */
export function mentionedAxes(stage: DeclaredStage, axes: ReadonlyMap<string, Axis>): Set<string> {
  const names = new Set<string>();
  for (const { value } of scalars(stage.body)) {
    const name = axisNamed(value);
    if (name !== undefined) names.add(name);
  }
  if (stage.kind !== 'adopt' && stage.kind !== 'checkpoint' && own(stage.body, 'seed') === undefined)
    for (const name of seedAxes(axes)) names.add(name);
  return names;
}
