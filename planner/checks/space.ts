import { type Axis, lacksValue, readAxes, spelled } from '../axes.ts';
import { type Diagnostic, diagnose, didYouMean, listed, type Place, shown } from '../diagnostic.ts';
import { readSpace, settingAt, settingsBeside, zipsOf } from '../space.ts';
import type { Path, Source } from '../syntax.ts';
import { isRecord, listAt } from '../tree.ts';
import { declaredNames } from './section.ts';

/** Checks `zip`, `exclude` and `include`: they name axes that exist, zipped axes fit together, and values are known. */
export function* checkSpace(source: Source, isTold: (path: Path) => boolean): Generator<Diagnostic> {
  yield* checkZips(source);
  yield* checkEntries(source, 'exclude');
  yield* checkEntries(source, 'include');
  yield* checkExcludedValues(source, isTold);
  yield* checkPartners(source);
}

function* checkZips(source: Source): Generator<Diagnostic> {
  const axes = readAxes(source);
  const first = new Map<string, Path>();
  for (const [index, names] of zipsOf(source)) {
    for (const [at, name] of names.entries()) {
      const path = ['zip', index, at];
      const earlier = first.get(name);
      first.set(name, earlier ?? path);
      if (!axes.has(name)) yield* unknownAxis(source, source.place(path), name);
      else if (earlier && earlier[1] !== index) {
        const related = [{ ...source.place(earlier), message: 'the other is here' }];
        const message = `the axis \`${name}\` is in two zips`;
        yield diagnose(source.file, source.place(path), 'bad-zip', message, {
          hint: 'make them one list: all its axes vary together',
          related,
        });
      }
    }
    yield* checkColumns(source, index, names, axes);
  }
}

/** Zipped axes have as many values each, and no row of them stands twice. */
function* checkColumns(
  source: Source,
  index: number,
  names: readonly string[],
  axes: ReadonlyMap<string, Axis>,
): Generator<Diagnostic> {
  const zipped = names.flatMap((name) => axes.get(name) ?? []);
  const [head] = zipped;
  if (!head || zipped.length < names.length || zipped.some(({ broken }) => broken)) return; // which is told
  const other = zipped.find((axis) => axis.listed.length !== head.listed.length);
  if (other) {
    const related = [head, other].map(({ name, listed }) => ({
      ...source.keyPlace(['axes', name]),
      message: counted(listed.length),
    }));
    const message = `\`${head.name}\` has ${counted(head.listed.length)} and \`${other.name}\` ${counted(other.listed.length)}: zipped axes have as many each`;
    yield diagnose(source.file, source.place(['zip', index, names.indexOf(other.name)]), 'bad-zip', message, {
      expected: `${counted(head.listed.length)} of \`${other.name}\`, one for each of \`${head.name}\``,
      hint: 'a list may name a value more than once: they go together row by row',
      related,
    });
    return;
  }
  const rows = new Map<string, number>();
  for (const [row, { path }] of head.listed.entries()) {
    const setting = spelled(settingAt(zipped, row));
    const earlier = head.listed[rows.get(setting) ?? row];
    if (rows.has(setting) && earlier) {
      const related = [{ ...source.place(earlier.path), message: 'first here' }];
      const message = `\`${setting}\` stands twice in this zip`;
      const hint = 'remove it from each of the lists';
      yield diagnose(source.file, source.place(path), 'bad-zip', message, { hint, related });
    }
    rows.set(setting, rows.get(setting) ?? row);
  }
}

function* checkEntries(source: Source, key: 'exclude' | 'include'): Generator<Diagnostic> {
  const axes = readAxes(source);
  for (const { path, name } of namesIn(source, key))
    if (!axes.has(name)) yield* unknownAxis(source, source.keyPlace(path), name);
}

function* checkExcludedValues(source: Source, isTold: (path: Path) => boolean): Generator<Diagnostic> {
  const axes = readAxes(source);
  for (const { path, name, value } of namesIn(source, 'exclude')) {
    const axis = axes.get(name);
    const written = source.written(path);
    const scalar = typeof value === 'string' || typeof value === 'number';
    if (!axis || !scalar || !lacksValue(axis, written)) continue;
    if (axis.values.some((known) => isTold(known.path))) continue; // it may be the one that is meant
    const values = axis.values.map((known) => known.written);
    const message = `the axis \`${name}\` has no value ${shown(written)}`;
    const remarks = { expected: listed(values), hint: 'what an axis does not have needs no exclude' };
    yield diagnose(source.file, source.place(path), 'unknown-name', message, remarks);
  }
}

/** An include that gives a zipped axis a new value must say what goes with it. */
function* checkPartners(source: Source): Generator<Diagnostic> {
  const { groups, include } = readSpace(source);
  for (const entry of include) {
    for (const group of new Set([...entry.values.keys()].flatMap((name) => groups.get(name) ?? []))) {
      if (settingsBeside(group, entry).length > 0) continue;
      const named = group.axes.filter(({ name }) => entry.values.has(name));
      const missing = group.axes.filter(({ name }) => !entry.values.has(name)).map(({ name }) => name);
      const values = named.map(({ name }) => `${name}=${entry.values.get(name)?.written}`).join(',');
      const message = `nothing is zipped with \`${values}\`, so this include must say what goes with it`;
      const expected = missing.map((name) => `${name}: a value`).join(', ');
      const place = source.keyPlace([...entry.path, named[0]?.name ?? '']);
      yield diagnose(source.file, place, 'missing-key', message, { expected, hint: `name ${listed(missing)} too` });
    }
  }
}

function* unknownAxis(source: Source, place: Place, name: string): Generator<Diagnostic> {
  const names = declaredNames(source, 'axes');
  if (!names) return;
  const remarks =
    names.length === 0
      ? { hint: `declare it: axes: {${name}: [...]}` }
      : { expected: listed(names), hint: didYouMean(name, names) };
  yield diagnose(source.file, place, 'unknown-name', `there is no axis ${shown(name)}`, remarks);
}

function* namesIn(source: Source, key: string): Generator<{ path: Path; name: string; value: unknown }> {
  for (const [index, entry] of listAt(source.value, key).entries())
    for (const [name, value] of Object.entries(isRecord(entry) ? entry : {}))
      yield { path: [key, index, name], name, value };
}

function counted(values: number): string {
  return values === 1 ? '1 value' : `${values} values`;
}
