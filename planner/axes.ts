import { parseFraction, parseTokens } from './quantities.ts';
import type { Path, Source } from './syntax.ts';
import { isRecord, listAt, own, recordAt } from './tree.ts';

/** A value of an axis: `value` as YAML reads it, `written` as the file spells it (addresses are made of that). */
export interface AxisValue {
  value: string | number;
  written: string;
  path: Path;
}

/** A declared axis. */
export interface Axis {
  name: string;
  /** As the file lists them: axes that are zipped may list a value more than once. */
  listed: AxisValue[];
  /** Each value that a node can have, once: those that are listed, then those that only an include brings. */
  values: AxisValue[];
  /** It has no list of values, or one with values that are no text or number: the file says so, and what it lacks is not known. */
  broken: boolean;
  /** Declared as `{replicate: [...]}`: seeds that are averaged over. */
  replicate: boolean;
}

/** One value for each of some axes, in the axes' declared order. */
export type Setting = ReadonlyMap<string, AxisValue>;

/** The axes of a file in declared order; what is no text or number is left out. They are read once for each source. */
export function readAxes(source: Source): ReadonlyMap<string, Axis> {
  const axes = known.get(source) ?? axesOf(source);
  known.set(source, axes);
  return axes;
}

const known = new WeakMap<Source, ReadonlyMap<string, Axis>>();

function axesOf(source: Source): Map<string, Axis> {
  const axes = new Map<string, Axis>();
  for (const [name, declared] of Object.entries(recordAt(source.value, 'axes'))) {
    const replicate = isRecord(declared) && 'replicate' in declared;
    const path: Path = replicate ? ['axes', name, 'replicate'] : ['axes', name];
    const list = replicate ? own(declared, 'replicate') : declared;
    const listed = (Array.isArray(list) ? list : []).flatMap((value, index) =>
      valueAt(source, value, [...path, index]),
    );
    const brought = listAt(source.value, 'include').flatMap((entry, index) =>
      isRecord(entry) ? valueAt(source, own(entry, name), ['include', index, name]) : [],
    );
    const values = new Map<string, AxisValue>();
    for (const value of [...listed, ...brought]) {
      if (!values.has(meaning(value.value))) values.set(meaning(value.value), value);
    }
    const broken = !Array.isArray(list) || list.length === 0 || listed.length < list.length;
    axes.set(name, { name, listed, values: [...values.values()], broken, replicate });
  }
  return axes;
}

function valueAt(source: Source, value: unknown, path: Path): AxisValue[] {
  return typeof value === 'string' || typeof value === 'number' ? [{ value, written: source.written(path), path }] : [];
}

/** The axes that are the seed of training: replicate axes, and one that is called `seed`. A valid file has at most one. */
export function seedAxes(axes: ReadonlyMap<string, Axis>): string[] {
  return [...axes.values()].filter((axis) => axis.replicate || axis.name === 'seed').map((axis) => axis.name);
}

/** The axis that a text stands for: `{replay}` is `replay`; undefined for all other values. */
export function axisNamed(value: unknown): string | undefined {
  return typeof value === 'string' ? /^\{([a-zA-Z][a-zA-Z0-9_-]*)\}$/.exec(value)?.[1] : undefined;
}

/** The value of an axis that is spelled so, or else means the same: `1e-5` finds 0.00001. */
export function findValue(axis: Axis, spelled: string): AxisValue | undefined {
  return (
    axis.values.find((value) => value.written === spelled) ??
    axis.values.find((value) => meaning(value.value) === meaning(spelled))
  );
}

/** Whether an axis has no such value. One that is broken, which is told where it stands, lacks nothing. */
export function lacksValue(axis: Axis, spelled: string): boolean {
  return !axis.broken && findValue(axis, spelled) === undefined;
}

/** What a value says, however it is spelled: `2M`, `2000K` and 2000000 mean the same, `5%`, `5.0%` and 0.05 too. */
export function meaning(value: string | number): string {
  const spelled = String(value);
  if (spelled.endsWith('%')) {
    const fraction = parseFraction(spelled);
    return fraction.ok ? String(fraction.value) : spelled;
  }
  const amount = parseTokens(spelled);
  if (amount.ok && 'tokens' in amount.value) return String(amount.value.tokens);
  return spelled !== '' && Number.isFinite(Number(spelled)) ? String(Number(spelled)) : spelled;
}

/** The axes' values of a setting, as YAML reads them. */
export function valuesIn(setting: Setting): Record<string, string | number> {
  return Object.fromEntries([...setting].map(([name, { value }]) => [name, value]));
}

/** `mid@replay=20%,seed=1`: a stage with its setting. */
export function addressOf(stage: string, setting: Setting): string {
  return setting.size === 0 ? stage : `${stage}@${spelled(setting)}`;
}

/** `replay=20%,seed=1`: a setting with its values as they are written. */
export function spelled(setting: Setting): string {
  return [...setting].map(([name, value]) => `${name}=${value.written}`).join(',');
}
