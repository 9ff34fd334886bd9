import { type Axis, axisNamed, type Setting, seedAxes } from './axes.ts';
import { setNameOf } from './data.ts';
import type { NodeType } from './plan.ts';
import { pinnedValues, type Scope, type Space } from './space.ts';
import { isRecord, own, recordAt, scalars, textAt } from './tree.ts';

/** The kinds of stage that train a model. */
export const trainingKinds = ['pretrain', 'cpt', 'sft', 'dpo', 'rl', 'reward'] as const;
export type TrainingKind = (typeof trainingKinds)[number];

/** The kinds of stage that a signature can imply. */
export const signatureKinds = ['pretrain', 'cpt', 'sft', 'rl'] as const satisfies readonly TrainingKind[];
export type SignatureKind = (typeof signatureKinds)[number];

/** The kinds of stage that make a data set. */
export const dataKinds = ['generate', 'build'] as const;
export type DataKind = (typeof dataKinds)[number];

/** The kinds of stage: those, the one that takes a model over, and the one that is a run at some point before its end. */
export const stageKinds = ['adopt', ...trainingKinds, 'checkpoint', ...dataKinds] as const;
export type StageKind = (typeof stageKinds)[number];

/** What a `build` stage does with its data: of these one. */
export const buildOperations = ['correct', 'agree', 'dedupe', 'decontaminate', 'split', 'pairs'] as const;
export type BuildOperation = (typeof buildOperations)[number];

/** Whether a node of this type trains a model. */
export function isTraining(type: NodeType): boolean {
  return trainingKinds.some((kind) => kind === type);
}

/** Whether a node of this type, or a stage of this kind, leaves a language model, which can be evaluated and trained on from. */
export function isModel(type: NodeType): boolean {
  return type === 'adopt' || type === 'checkpoint' || (isTraining(type) && type !== 'reward');
}

/** Whether a stage of this kind, or a node of this type, makes a data set. */
export function isDataKind(kind: StageKind | NodeType | undefined): kind is DataKind {
  return dataKinds.some((each) => each === kind);
}

/** The part of its data that each kind of stage reads. */
export const partOfStage: Readonly<Record<TrainingKind | DataKind, 'text' | 'problems' | 'preferences'>> = {
  pretrain: 'text',
  cpt: 'text',
  sft: 'problems',
  dpo: 'preferences',
  rl: 'problems',
  reward: 'preferences',
  generate: 'problems',
  build: 'problems',
};

/** The operation of a `build` stage: the first that it names, as there is to be one. */
export function operationOf({ body }: DeclaredStage): BuildOperation | undefined {
  return buildOperations.find((operation) => own(body, operation) !== undefined);
}

/** The part that a stage's data set has; undefined of stages that make none. */
export function partMadeBy(stage: DeclaredStage): 'problems' | 'preferences' | undefined {
  if (!isDataKind(stage.kind)) return undefined;
  return stage.kind === 'build' && operationOf(stage) === 'pairs' ? 'preferences' : 'problems';
}

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
  /** The stages whose data sets it reads, by name, each once. */
  reads: readonly string[];
}

/** The stages of a file in declared order. */
export function declaredStages(value: unknown): Map<string, DeclaredStage> {
  const stages = new Map<string, DeclaredStage>();
  const declared = recordAt(value, 'stages');
  const kindOf = (stage: unknown) =>
    isRecord(stage) ? stageKinds.find((candidate) => Object.hasOwn(stage, candidate)) : undefined;
  for (const [name, stage] of Object.entries(declared)) {
    const kind = kindOf(stage);
    const body = kind ? recordAt(stage, kind) : {};
    const startsAnew = kind === 'pretrain' || kind === 'adopt' || kind === 'build';
    const from = startsAnew ? undefined : textAt(body, fromField(kind));
    const reads = [...new Set(dataReferences(body).map(setNameOf))].filter((set) =>
      isDataKind(kindOf(own(declared, set))),
    );
    stages.set(name, { name, kind, body, from: from === undefined ? undefined : parseReference(from), reads });
  }
  return stages;
}

/** What the `data` of a stage refers to: a data set or several, as they are written. */
export function dataReferences(body: DeclaredStage['body']): string[] {
  return [own(body, 'data')].flat().filter((reference) => typeof reference === 'string');
}

/** The stages that come directly before a stage: the one that it starts from, and those whose data sets it reads. */
export function stagesBefore({ from, reads }: DeclaredStage): string[] {
  return from === undefined ? [...reads] : [from.stage, ...reads];
}

/** The field of a stage that names the one before it. */
export function fromField(kind: StageKind | undefined): 'from' | 'of' {
  return kind === 'checkpoint' ? 'of' : 'from';
}

/** A reference's parts; text that is none is taken as a stage's name. */
export function parseReference(text: string): StageReference {
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
  const broken = new Set<DeclaredStage>();
  for (const stage of stages.values()) {
    const chain = [stage];
    const open = new Set(chain);
    for (let last = chain.at(-1); last; last = chain.at(-1)) {
      const before = stagesBefore(last).flatMap((name) => stages.get(name) ?? []);
      const next = before.find(({ name }) => !placed.has(name));
      if (next === undefined) {
        placed.set(last.name, last);
        chain.pop();
        open.delete(last);
      } else if (open.has(next) || broken.has(next)) {
        for (const link of chain) broken.add(link); // ran into itself
        break;
      } else {
        chain.push(next);
        open.add(next);
      }
    }
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
 * that a reference on the way pins. The data set that it reads is the one of its own values.
 */
export function scopesOf(stages: ReadonlyMap<string, DeclaredStage>, space: Space): Map<string, StageScope> {
  const scopes = new Map<string, StageScope>();
  for (const stage of parentsFirst(stages)) {
    const parent = stage.from && scopes.get(stage.from.stage);
    const names = mentionedAxes(stage, space.axes);
    const pins = parent && stage.from ? pinnedValues(space, parent.axes, stage.from.pins) : new Map();
    for (const { name } of parent?.axes ?? []) if (!pins.has(name) && !stage.from?.pins.has(name)) names.add(name);
    const read = stage.reads.flatMap((name) => scopes.get(name) ?? []);
    for (const { axes } of read) for (const { name } of axes) if (!pins.has(name)) names.add(name);
    const fixed = [...read.flatMap((scope) => [...scope.fixed]), ...(parent?.fixed ?? []), ...pins];
    scopes.set(stage.name, {
      stage,
      axes: [...space.axes.values()].filter((axis) => names.has(axis.name)),
      fixed: new Map(fixed.filter(([name]) => !names.has(name))),
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
  if (drawsAnything(stage) && own(stage.body, 'seed') === undefined) for (const name of seedAxes(axes)) names.add(name);
  return names;
}

/** Whether anything in a stage is random. */
function drawsAnything(stage: DeclaredStage): boolean {
  if (stage.kind === 'adopt' || stage.kind === 'checkpoint') return false;
  return stage.kind !== 'build' || operationOf(stage) === 'pairs' || own(stage.body, 'order') === 'random';
}
