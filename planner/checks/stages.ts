import { axisNamed, lacksValue } from '../axes.ts';
import { type Diagnostic, diagnose, didYouMean, listed, shown } from '../diagnostic.ts';
import { readSpace } from '../space.ts';
import { type DeclaredStage, declaredStages, fromField, parentsFirst, scopesOf } from '../stages.ts';
import type { Path, Source } from '../syntax.ts';
import { declaredNames } from './section.ts';

/** Checks how stages follow each other: parents exist, none comes after itself, variants name axes and values that exist. */
export function* checkStages(source: Source, isTold: (path: Path) => boolean): Generator<Diagnostic> {
  const stages = declaredStages(source.value);
  yield* checkParents(source, stages);
  yield* checkCycles(source, stages);
  yield* checkVariants(source, stages, isTold);
}

function* checkParents(source: Source, stages: ReadonlyMap<string, DeclaredStage>): Generator<Diagnostic> {
  const names = [...stages.keys()];
  for (const stage of stages.values()) {
    if (!stage.kind || !stage.from) continue;
    const parent = stages.get(stage.from.stage);
    if (stage.kind === 'checkpoint' && parent?.kind && parent.kind !== 'pretrain' && parent.kind !== 'cpt') {
      const message = `\`${stage.name}\` is a checkpoint of \`${parent.name}\`, which is ${parent.kind}: pretrain and cpt runs have them`;
      const runs = [...stages.values()].filter(({ kind }) => kind === 'pretrain' || kind === 'cpt');
      const expected = listed(runs.map(({ name }) => name));
      yield diagnose(source.file, source.place(fromPath(stage)), 'bad-value', message, { expected });
    }
    if (parent) continue;
    const others = names.filter((name) => name !== stage.name);
    const remarks = {
      expected: others.length === 0 ? undefined : listed(others),
      hint: axisNamed(stage.body[fromField(stage.kind)])
        ? `\`${fromField(stage.kind)}\` names a stage; an axis cannot stand here`
        : didYouMean(stage.from.stage, others),
    };
    yield diagnose(
      source.file,
      source.place(fromPath(stage)),
      'unknown-name',
      `there is no stage ${shown(stage.from.stage)}`,
      remarks,
    );
  }
}

function* checkCycles(source: Source, stages: ReadonlyMap<string, DeclaredStage>): Generator<Diagnostic> {
  const told = new Set<string>();
  const placed = new Set(parentsFirst(stages).map((stage) => stage.name));
  for (const stage of stages.values()) {
    if (placed.has(stage.name)) continue;
    const chain: DeclaredStage[] = [];
    let next: DeclaredStage | undefined = stage;
    while (next && !told.has(next.name)) {
      told.add(next.name);
      chain.push(next);
      next = next.from && stages.get(next.from.stage);
    }
    const start = next ? chain.indexOf(next) : -1;
    if (start < 0) continue; // it leads into a cycle that has been told
    const [first, ...others] = chain.slice(start);
    if (!first) continue;
    const round = [...chain.slice(start), first].map((link) => `\`${link.name}\``).join(' from ');
    const message =
      others.length === 0 ? `\`${first.name}\` starts from itself` : `these stages start from each other: ${round}`;
    const related = others.map((link) => ({
      ...source.place(fromPath(link)),
      message: `\`${link.name}\` starts from \`${link.from?.stage}\``,
    }));
    yield diagnose(source.file, source.place(fromPath(first)), 'cycle', message, {
      related,
      hint: 'every chain of stages begins with a pretrain or an adopt stage',
    });
  }
}

function* checkVariants(
  source: Source,
  stages: ReadonlyMap<string, DeclaredStage>,
  isTold: (path: Path) => boolean,
): Generator<Diagnostic> {
  const space = readSpace(source);
  const scopes = scopesOf(stages, space);
  for (const stage of stages.values()) {
    const parent = stage.from && stages.get(stage.from.stage);
    const available = parent && scopes.get(parent.name)?.axes;
    if (!stage.from || !available || isBroken(parent, stages)) continue;
    const names = available.map((axis) => axis.name);
    for (const [name, spelled] of stage.from.pins) {
      const axis = available.find((candidate) => candidate.name === name);
      const place = source.place(fromPath(stage));
      if (!axis) {
        if (!space.axes.has(name) && !declaredNames(source, 'axes')) continue; // which are no map
        const message = space.axes.has(name)
          ? `\`${parent.name}\` does not vary over \`${name}\``
          : `there is no axis ${shown(name)}`;
        const remarks = {
          expected: names.length > 0 ? listed(names) : `\`${parent.name}\` has one variant: leave out the part after @`,
          hint: didYouMean(name, names),
        };
        yield diagnose(source.file, place, 'unknown-name', message, remarks);
      } else if (lacksValue(axis, spelled) && !axis.values.some((value) => isTold(value.path))) {
        const values = axis.values.map((value) => value.written);
        const remarks = { expected: listed(values) };
        yield diagnose(
          source.file,
          place,
          'unknown-name',
          `the axis \`${name}\` has no value ${shown(spelled)}`,
          remarks,
        );
      }
    }
  }
}

/** Whether a stage, or one before it, is of no kind: which axes it varies over is not known then, and why is told. */
function isBroken(stage: DeclaredStage, stages: ReadonlyMap<string, DeclaredStage>): boolean {
  const seen = new Set<DeclaredStage>();
  for (let next: DeclaredStage | undefined = stage; next && !seen.has(next); ) {
    if (next.kind === undefined) return true;
    seen.add(next);
    next = next.from && stages.get(next.from.stage);
  }
  return false;
}

function fromPath(stage: DeclaredStage): string[] {
  return ['stages', stage.name, stage.kind ?? '', fromField(stage.kind)];
}
