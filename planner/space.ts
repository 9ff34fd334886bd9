import { type Axis, type AxisValue, findValue, readAxes, type Setting, spelled } from './axes.ts';
import type { Path, Source } from './syntax.ts';
import { isRecord, listAt } from './tree.ts';

/** An entry of `exclude` or `include`: values of some axes. */
export interface Entry {
  values: Setting;
  path: Path;
}

/** Axes that vary together: those of a zip, or one axis alone. */
export interface Group {
  axes: readonly Axis[];
  /** What they vary over, in the order of the lists. */
  settings: readonly Setting[];
  /** What only includes add to that: entries that name all of the group's axes. */
  brought: readonly Setting[];
}

/** All that a file says of its axes: the grid that they span, what is left out of it, and what is added. */
export interface Space {
  /** In declared order. */
  axes: ReadonlyMap<string, Axis>;
  /** The group that each axis is of, by the axis's name. */
  groups: ReadonlyMap<string, Group>;
  exclude: readonly Entry[];
  include: readonly Entry[];
}

/** What varies in a stage, and what does not because a reference to a variant fixed it. */
export interface Scope {
  /** The axes that it has a node for each setting of, in declared order. */
  axes: readonly Axis[];
  /** Values of the variants that it, or a stage before it, starts from, for axes that it does not vary over. */
  fixed: Setting;
}

/** What is combined with each other in a stage: of each group that it sees an axis of the settings of these axes. */
export interface Product {
  /** The include that asks for it; undefined for the grid. */
  include: Entry | undefined;
  factors: { axes: readonly Axis[]; settings: readonly Setting[] }[];
}

/** A setting that a stage could have: it does, unless an exclude drops it. */
export interface Candidate {
  setting: Setting;
  /** The include that adds it; undefined for one of the grid. */
  include: Entry | undefined;
  exclude: Entry | undefined;
}

/** The space of a file's axes; what names no axis, or no value of one, is left out. */
export function readSpace(source: Source): Space {
  const axes = readAxes(source);
  const include = readEntries(source, 'include', axes);
  return { axes, groups: readGroups(source, axes, include), exclude: readEntries(source, 'exclude', axes), include };
}

/** The names in each list of `zip`, by the list's index, as they are written. */
export function zipsOf(source: Source): Map<number, string[]> {
  const zips = new Map<number, string[]>();
  for (const [index, names] of listAt(source.value, 'zip').entries()) {
    if (Array.isArray(names)) zips.set(index, names.map(String));
  }
  return zips;
}

/**
 * What settings a stage could have: those of the grid, the axis that is declared first changing slowest, then what the
 * includes add, in their order; what is there already comes no second time. An exclude drops what has all of its values;
 * of what an include adds, that which does not have them all from the entry itself.
 */
export function* candidatesOf(space: Space, scope: Scope): Generator<Candidate> {
  const products = productsOf(space, scope);
  const kept = new Set<string>();
  for (const { include, factors } of products) {
    for (const combined of combinations(factors.map(({ settings }) => settings))) {
      const setting = restrict(combined, scope.axes);
      if (include && kept.has(spelled(setting))) continue;
      const exclude = space.exclude.find(
        ({ values }) => holds(setting, values) && !(include && holds(include.values, values)),
      );
      if (!exclude && products.length > 1) kept.add(spelled(setting)); // a grid alone has nothing twice
      yield { setting, include, exclude };
    }
  }
}

/**
 * The grid of a stage, and what each include asks for: the entry's values, and whatever goes with them of the axes that it
 * does not name. An entry that names no axis of the stage asks nothing of it, and neither does one that names another value
 * than the variant has that the stage comes from.
 */
export function productsOf(space: Space, { axes, fixed }: Scope): [grid: Product, ...includes: Product[]] {
  const groups = new Set(axes.flatMap(({ name }) => space.groups.get(name) ?? []));
  const product = (include: Entry | undefined): Product => ({
    include,
    factors: [...groups].map((group) => {
      const seen = group.axes.filter((axis) => axes.includes(axis));
      const settings = include ? settingsBeside(group, include) : group.settings;
      return { axes: seen, settings: distinct(settings.map((setting) => restrict(setting, seen))) };
    }),
  });
  const asking = space.include.filter(
    ({ values }) => axes.some(({ name }) => values.has(name)) && agrees(fixed, values),
  );
  return [product(undefined), ...asking.map(product)];
}

/** The settings of a group that go with an entry's values: the entry's own where it names all axes, else those that agree. */
export function settingsBeside({ axes, settings }: Group, { values }: Entry): readonly Setting[] {
  return axes.every(({ name }) => values.has(name))
    ? [restrict(values, axes)]
    : settings.filter((setting) => agrees(setting, values));
}

/**
 * The values that a reference to a variant pins: those that it names, and those of the axes zipped with them where that
 * leaves no choice. `pins` are values as they are written, `axes` those that the parent varies over.
 */
export function pinnedValues(space: Space, axes: readonly Axis[], pins: ReadonlyMap<string, string>): Setting {
  const named = new Map<string, AxisValue>();
  for (const axis of axes) {
    const pin = pins.get(axis.name);
    const value = pin === undefined ? undefined : findValue(axis, pin);
    if (value) named.set(axis.name, value);
  }
  const pinned = new Map(named);
  for (const group of new Set([...named.keys()].flatMap((name) => space.groups.get(name) ?? []))) {
    const seen = group.axes.filter((axis) => axes.includes(axis));
    const agreeing = (settings: readonly Setting[]) =>
      distinct(settings.map((setting) => restrict(setting, seen))).filter((setting) => agrees(setting, named));
    const listed = agreeing(group.settings);
    const [only, ...others] = listed.length > 0 ? listed : agreeing(group.brought);
    if (only && others.length === 0) for (const [name, value] of only) pinned.set(name, value);
  }
  return pinned;
}

/** The values that stand at one index of the lists of some axes; a value is the same however it is spelled there. */
export function settingAt(axes: readonly Axis[], index: number): Setting {
  const setting = new Map<string, AxisValue>();
  for (const axis of axes) {
    const listed = axis.listed[index];
    const value = listed && findValue(axis, listed.written);
    if (value) setting.set(axis.name, value);
  }
  return setting;
}

/** True when a setting has all of some values. */
export function holds(setting: Setting, values: Setting): boolean {
  for (const [name, value] of values) if (setting.get(name) !== value) return false;
  return true;
}

/** True when no axis has one value in the one and another in the other. */
function agrees(one: Setting, other: Setting): boolean {
  for (const [name, value] of one) if ((other.get(name) ?? value) !== value) return false;
  return true;
}

/** What a setting has of some axes, in the order of these. */
function restrict(setting: Setting, axes: readonly Axis[]): Setting {
  const restricted = new Map<string, AxisValue>();
  for (const { name } of axes) {
    const value = setting.get(name);
    if (value) restricted.set(name, value);
  }
  return restricted;
}

/** Each setting once, where it stands first. */
function distinct(settings: readonly Setting[]): Setting[] {
  const first = new Map<string, Setting>();
  for (const setting of settings) {
    const name = spelled(setting);
    if (!first.has(name)) first.set(name, setting);
  }
  return [...first.values()];
}

/** One setting of each factor, in every combination; the first factor changes slowest. */
function combinations(factors: readonly (readonly Setting[])[]): Setting[] {
  let combined: Setting[] = [new Map()];
  for (const settings of factors)
    combined = combined.flatMap((before) => settings.map((setting) => new Map([...before, ...setting])));
  return combined;
}

function readEntries(source: Source, key: 'exclude' | 'include', axes: ReadonlyMap<string, Axis>): Entry[] {
  return listAt(source.value, key).map((entry, index) => {
    const path: Path = [key, index];
    const values = new Map<string, AxisValue>();
    for (const name of Object.keys(isRecord(entry) ? entry : {})) {
      const axis = axes.get(name);
      const value = axis && findValue(axis, source.written([...path, name]));
      if (value) values.set(name, value);
    }
    return { values, path };
  });
}

/** A group for each zip, and one for each axis that is in none; an axis of two zips is in the first. */
function readGroups(source: Source, axes: ReadonlyMap<string, Axis>, include: readonly Entry[]): Map<string, Group> {
  const groups = new Map<string, Group>();
  for (const names of [...zipsOf(source).values(), ...[...axes.keys()].map((name) => [name])]) {
    const grouped = [...axes.values()].filter(({ name }) => names.includes(name) && !groups.has(name));
    const rows = Math.min(...grouped.map(({ listed }) => listed.length));
    const settings = distinct(Array.from({ length: grouped.length && rows }, (_, row) => settingAt(grouped, row)));
    const named = include.filter(({ values }) => grouped.every(({ name }) => values.has(name)));
    const brought = distinct([...settings, ...named.map(({ values }) => restrict(values, grouped))]);
    const group = { axes: grouped, settings, brought: brought.slice(settings.length) };
    for (const { name } of grouped) groups.set(name, group);
  }
  return groups;
}
