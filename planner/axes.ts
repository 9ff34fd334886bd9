import { parseFraction, parseTokens } from './quantities.ts';
import type { Path, Source } from './syntax.ts';
import { isRecord, own, recordAt } from './tree.ts';

/** A value of an axis: `value` as YAML reads it, `written` as the file spells it (addresses are made of that). */
export interface AxisValue {
  value: string | number;
  written: string;
  path: Path;
}

/** A declared axis. */
export interface Axis {
  name: string;
  values: AxisValue[];
  /** Declared as `{replicate: [...]}`: seeds that are averaged over. */
  replicate: boolean;
}

/** One value for each of some axes, in the axes' declared order. */
export type Setting = ReadonlyMap<string, AxisValue>;

/** The axes of a file in declared order; what is no text or number is left out. */
export function readAxes(source: Source): Map<string, Axis> {
  const axes = new Map<string, Axis>();
  for (const [name, declared] of Object.entries(recordAt(source.value, 'axes'))) {
    const replicate = isRecord(declared);
    const path: Path = replicate ? ['axes', name, 'replicate'] : ['axes', name];
    const list = replicate ? own(declared, 'replicate') : declared;
    const values: AxisValue[] = [];
    for (const [index, value] of (Array.isArray(list) ? list : []).entries()) {
      if (typeof value !== 'string' && typeof value !== 'number') continue;
      const place = [...path, index];
      values.push({ value, written: source.written(place), path: place });
    }
    axes.set(name, { name, values, replicate });
  }
  return axes;
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

/** What a value says, however it is spelled: `2M`, `2000K` and 2000000 mean the same, `5%` and `5.0%` too. */
export function meaning(value: string | number): string {
  const spelled = String(value);
  if (spelled.endsWith('%')) {
    const fraction = parseFraction(spelled);
    return fraction.ok ? `${fraction.value} of one` : spelled;
  }
  const amount = parseTokens(spelled);
  if (amount.ok && 'tokens' in amount.value) return String(amount.value.tokens);
  return spelled !== '' && Number.isFinite(Number(spelled)) ? String(Number(spelled)) : spelled;
}

/** Every setting of some axes; the first axis changes slowest. No axes have one setting, which is empty. */
export function* settingsOf(axes: readonly Axis[]): Generator<Setting> {
  const [first, ...rest] = axes;
  if (!first) {
    yield new Map();
    return;
  }
  for (const value of first.values) {
    for (const setting of settingsOf(rest)) yield new Map([[first.name, value], ...setting]);
  }
}

/** `mid@replay=20%,seed=1`: a stage with its setting, values as they are written. */
export function addressOf(stage: string, setting: Setting): string {
  const parts = [...setting].map(([name, value]) => `${name}=${value.written}`);
  return parts.length === 0 ? stage : `${stage}@${parts.join(',')}`;
}
