import { axisNamed } from '../axes.ts';
import { type Diagnostic, diagnose, didYouMean, listed, shown } from '../diagnostic.ts';
import { readSpace } from '../space.ts';
import {
  type DeclaredStage,
  declaredStages,
  fromField,
  isModel,
  parentsFirst,
  scopesOf,
  stagesBefore,
} from '../stages.ts';
import type { Path, Source } from '../syntax.ts';
import { checkPins } from './pins.ts';

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
    } else if (parent?.kind && !isModel(parent.kind)) {
      const made = parent.kind === 'reward' ? 'a reward model' : 'a data set';
      const message = `\`${stage.name}\` starts from \`${parent.name}\`, which leaves ${made} and no language model`;
      const models = [...stages.values()]
        .filter(({ name, kind }) => kind && isModel(kind) && name !== stage.name)
        .map(({ name }) => name);
      yield diagnose(source.file, source.place(fromPath(stage)), 'bad-value', message, { expected: listed(models) });
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
      next = stagesBefore(next)
        .flatMap((name) => stages.get(name) ?? [])
        .find(({ name }) => !placed.has(name));
    }
    const start = next ? chain.indexOf(next) : -1;
    if (start < 0) continue; // it leads into a cycle that has been told
    const [first, ...others] = chain.slice(start);
    if (!first) continue;
    const round = [...chain.slice(start), first].map((link) => `\`${link.name}\``).join(' from ');
    const message =
      others.length === 0 ? `\`${first.name}\` starts from itself` : `these stages start from each other: ${round}`;
    const places = [...chain.slice(start), first];
    const related = others.map((link, index) => ({
      ...source.place(edgePath(link, places[index + 2])),
      message: `\`${link.name}\` starts from \`${places[index + 2]?.name}\``,
    }));
    yield diagnose(source.file, source.place(edgePath(first, places[1])), 'cycle', message, {
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
    yield* checkPins(source, fromPath(stage), stage.from, available, space, isTold);
  }
}

/** Whether a stage, or one before it, is of no kind: which axes it varies over is not known then, and why is told. */
function isBroken(stage: DeclaredStage, stages: ReadonlyMap<string, DeclaredStage>): boolean {
  const seen = new Set<DeclaredStage>();
  const open = [stage];
  for (let next = open.pop(); next; next = open.pop()) {
    if (next.kind === undefined) return true;
    if (seen.has(next)) continue;
    seen.add(next);
    open.push(...stagesBefore(next).flatMap((name) => stages.get(name) ?? []));
  }
  return false;
}

/** Where a stage names the one before it: as what it starts from, or as its data. */
function edgePath(stage: DeclaredStage, before: DeclaredStage | undefined): string[] {
  if (stage.from?.stage === before?.name) return fromPath(stage);
  return ['stages', stage.name, stage.kind ?? '', 'data'];
}

function fromPath(stage: DeclaredStage): string[] {
  return ['stages', stage.name, stage.kind ?? '', fromField(stage.kind)];
}
