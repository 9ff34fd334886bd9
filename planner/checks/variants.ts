import { addressOf, spelled } from '../axes.ts';
import { type Diagnostic, diagnose, didYouMean, listed } from '../diagnostic.ts';
import { type Entry, holds, zipsOf } from '../space.ts';
import { fromField } from '../stages.ts';
import type { Source } from '../syntax.ts';
import type { ExpandedStage, Expansion } from '../variants.ts';

/**
 * Checks what only shows with stages expanded: each has variants, each variant's parent is there, and all that a file says
 * of its axes changes something.
 */
export function* checkVariants(source: Source, expansion: Expansion): Generator<Diagnostic> {
  const { stages } = expansion;
  const byName = new Map(stages.map((stage) => [stage.scope.stage.name, stage]));
  for (const stage of stages) yield* checkStarts(source, stage, byName.get(stage.scope.stage.from?.stage ?? ''));
  yield* checkExcludes(source, expansion);
  yield* checkIncludes(source, expansion);
  yield* checkZips(source, expansion);
}

/** A stage without variants, and the first variant of a stage whose parent is not there. */
function* checkStarts(
  source: Source,
  { scope, candidates, variants }: ExpandedStage,
  parent: ExpandedStage | undefined,
): Generator<Diagnostic> {
  const { name, kind } = scope.stage;
  if (parent?.variants.length === 0) return; // it was said of the parent
  if (variants.length === 0) {
    const entries = new Set(candidates.flatMap(({ exclude }) => exclude ?? []));
    const related = [...entries].map((entry) => excludedAt(source, entry));
    const message = `every variant of \`${name}\` is excluded`;
    yield diagnose(source.file, source.keyPlace(['stages', name]), 'missing-variant', message, {
      hint: 'exclude less, or remove the stage',
      related,
    });
    return;
  }
  if (!parent) return;
  const there = new Set(parent.variants.map(({ address }) => address));
  const [first, ...others] = variants.filter((variant) => !there.has(variant.parent ?? ''));
  if (first?.parent === undefined) return;
  const exclude = parent.candidates.find(
    ({ setting }) => addressOf(parent.scope.stage.name, setting) === first.parent,
  )?.exclude;
  const why = exclude ? 'is excluded' : 'neither the grid nor an include has';
  const alike = others.length > 0 ? ` (${others.length} more of \`${name}\` start from such)` : '';
  const message = `\`${first.address}\` starts from \`${first.parent}\`, which ${why}${alike}`;
  const alternatives = parent.variants.filter(({ setting }) => holds(setting, scope.pins));
  yield diagnose(source.file, source.place(['stages', name, kind ?? '', fromField(kind)]), 'missing-variant', message, {
    expected: listed([...there]),
    hint: didYouMean(first.parent, alternatives.length > 0 ? alternatives.map(({ address }) => address) : [...there]),
    related: exclude ? [excludedAt(source, exclude)] : [],
  });
}

function* checkExcludes(source: Source, { space, stages }: Expansion): Generator<Diagnostic> {
  const dropping = new Set(stages.flatMap(({ candidates }) => candidates.map(({ exclude }) => exclude)));
  for (const entry of space.exclude) {
    if (dropping.has(entry)) continue;
    const names = [...entry.values.keys()];
    const together = stages.some(({ scope }) => names.every((name) => scope.axes.some((axis) => axis.name === name)));
    const why = together
      ? `no setting with \`${spelled(entry.values)}\` is left`
      : `no stage varies over ${names.map((name) => `\`${name}\``).join(' and ')} together`;
    const earlier = space.exclude.filter((other) => other !== entry && holds(entry.values, other.values));
    yield diagnose(source.file, source.place(entry.path), 'no-effect', `this exclude drops nothing: ${why}`, {
      expected: together ? undefined : axesOf(stages),
      hint: 'remove it',
      related: earlier.map(({ path }) => ({ ...source.place(path), message: 'this drops it already' })),
    });
  }
}

function* checkIncludes(source: Source, { space, stages }: Expansion): Generator<Diagnostic> {
  const candidates = stages.flatMap((stage) => stage.candidates);
  const adding = new Set(candidates.map(({ include, exclude }) => !exclude && include));
  for (const entry of space.include) {
    if (adding.has(entry)) continue;
    const excludes = new Set(candidates.flatMap(({ include, exclude }) => (include === entry && exclude) || []));
    const why = excludes.size > 0 ? 'what it names is excluded' : 'what it names is there without it';
    yield diagnose(source.file, source.place(entry.path), 'no-effect', `this include adds nothing: ${why}`, {
      hint: 'remove it, or give it a value that the grid does not have',
      related: [...excludes].map((exclude) => excludedAt(source, exclude)),
    });
  }
}

function* checkZips(source: Source, { stages }: Expansion): Generator<Diagnostic> {
  for (const [index, names] of zipsOf(source)) {
    const zipped = stages.some(({ scope }) => scope.axes.filter(({ name }) => names.includes(name)).length > 1);
    if (zipped) continue;
    yield diagnose(
      source.file,
      source.place(['zip', index]),
      'no-effect',
      'this zip changes nothing: no stage varies over two of its axes',
      {
        expected: axesOf(stages),
        hint: 'remove it',
      },
    );
  }
}

function excludedAt(source: Source, { path }: Entry) {
  return { ...source.place(path), message: 'excluded here' };
}

/** `base: seed; mid: replay, seed`. */
function axesOf(stages: readonly ExpandedStage[]): string {
  return stages
    .map(({ scope }) => `${scope.stage.name}: ${listed(scope.axes.map(({ name }) => name)) || 'none'}`)
    .join('; ');
}
