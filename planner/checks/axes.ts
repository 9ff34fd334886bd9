import { type Axis, type AxisValue, axisNamed, meaning, readAxes, seedAxes } from '../axes.ts';
import { type Diagnostic, diagnose, didYouMean, listed, shown } from '../diagnostic.ts';
import { parseSeed } from '../quantities.ts';
import { declaredStages, mentionedAxes } from '../stages.ts';
import type { Source } from '../syntax.ts';
import { listAt, recordAt, scalars } from '../tree.ts';
import { declaredNames } from './section.ts';

/** Checks the axes: all that are mentioned exist, all that exist are mentioned, and their values can stand in an address. */
export function* checkAxes(source: Source): Generator<Diagnostic> {
  const axes = readAxes(source);
  yield* checkMentions(source, axes);
  yield* checkSeeds(source, axes);
  for (const axis of axes.values()) {
    yield* checkRepeats(source, axis);
    yield* checkAddressable(source, axis);
  }
}

/** Sections whose texts stand for no axis. */
const notMentioning = new Set<unknown>(['title', 'axes', 'zip', 'exclude', 'include', 'moved', 'accept', 'takeaways']);

function* checkMentions(source: Source, axes: ReadonlyMap<string, Axis>): Generator<Diagnostic> {
  const names = declaredNames(source, 'axes');
  const meant = new Set<string>();
  for (const { path, value } of scalars(source.value)) {
    const name = axisNamed(value);
    if (name === undefined || notMentioning.has(path[0])) continue;
    const place = source.place(path);
    if (path[0] !== 'stages') {
      yield diagnose(source.file, place, 'bad-axis', 'an axis can vary stages only', { hint: 'write a value here' });
    } else if (names?.includes(name) === false) {
      const near = names.filter((candidate) => didYouMean(name, [candidate]));
      for (const candidate of near) meant.add(candidate);
      const remarks =
        names.length === 0
          ? { hint: `declare it: axes: {${name}: [...]}` }
          : { expected: listed(names), hint: didYouMean(name, near) };
      yield diagnose(source.file, place, 'unknown-name', `there is no axis ${shown(name)}`, remarks);
    }
  }
  yield* checkUse(source, axes, meant);
}

/** Axes that no stage mentions, not even by a slip that was told already: misspelled, or in braces without quotes. */
function* checkUse(source: Source, axes: ReadonlyMap<string, Axis>, meant: ReadonlySet<string>): Generator<Diagnostic> {
  const stages = [...declaredStages(source.value).values()];
  if (stages.length === 0 || stages.some((stage) => !stage.kind)) return;
  const mentioned = new Set(stages.flatMap((stage) => [...mentionedAxes(stage, axes)]));
  for (const name of Object.keys(recordAt(source.value, 'axes'))) {
    if (mentioned.has(name) || meant.has(name)) continue;
    const slip = [...scalars(recordAt(source.value, 'stages'))].some(
      ({ path, value }) =>
        (value === null && path.at(-1) === name) || (typeof value === 'string' && value.includes(`{${name}`)),
    );
    if (slip) continue;
    const hint = seedAxes(axes).includes(name)
      ? 'every stage has a `seed` of its own: remove those, or this axis'
      : `write "{${name}}" where its values should stand, or remove the axis`;
    const message = `no stage mentions the axis ${shown(name)}`;
    yield diagnose(source.file, source.keyPlace(['axes', name]), 'unused-axis', message, { hint });
  }
}

function* checkSeeds(source: Source, axes: ReadonlyMap<string, Axis>): Generator<Diagnostic> {
  const [first, ...others] = seedAxes(axes);
  for (const name of others) {
    const related = [{ ...source.keyPlace(['axes', first ?? '']), message: 'the other is here' }];
    yield diagnose(
      source.file,
      source.keyPlace(['axes', name]),
      'bad-axis',
      'a lineage has one axis of seeds, and this is another',
      { related },
    );
  }
  for (const name of seedAxes(axes)) {
    for (const { value, path } of axes.get(name)?.values ?? []) {
      const seed = parseSeed(value);
      if (!seed.ok)
        yield diagnose(source.file, source.place(path), 'bad-quantity', `${shown(source.written(path))} is no seed`, {
          expected: 'a whole number from 0 to 4294967295',
        });
    }
  }
}

/** A value stands once, unless a zip goes through the list: `[nano, nano, micro]` with another axis beside it. */
function* checkRepeats(source: Source, axis: Axis): Generator<Diagnostic> {
  const zipped = [...scalars(listAt(source.value, 'zip'))].some(({ value }) => value === axis.name);
  const seen = new Map<string, AxisValue>();
  for (const value of axis.listed) {
    const first = seen.get(meaning(value.value));
    seen.set(meaning(value.value), first ?? value);
    if (!first || (zipped && first.value === value.value)) continue;
    const related = [{ ...source.place(first.path), message: 'first here' }];
    const [code, message] =
      first.value === value.value
        ? (['bad-value', `${shown(value.written)} stands twice in \`${value.path.slice(0, -1).join('.')}\``] as const)
        : (['bad-axis', `\`${value.written}\` is the same value as \`${first.written}\``] as const);
    yield diagnose(source.file, source.place(value.path), code, message, { related });
  }
}

function* checkAddressable(source: Source, axis: Axis): Generator<Diagnostic> {
  for (const value of axis.values) {
    if (!/[,=@/{}\p{Cc}]|^\s|\s$|^$/u.test(value.written) && value.written.length <= 60) continue;
    const message = `${shown(value.written)} cannot be the value of an axis`;
    const expected =
      'at most 60 characters, none of , = @ / { }, no space at the ends: addresses such as mid@replay=20%,seed=1 are made of them';
    yield diagnose(source.file, source.place(value.path), 'bad-axis', message, { expected });
  }
}
