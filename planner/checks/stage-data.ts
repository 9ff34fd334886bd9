import { type Diagnostic, diagnose, type Place } from '../diagnostic.ts';
import { type DeclaredStage, isDataKind, partOfStage } from '../stages.ts';
import type { Path, Source } from '../syntax.ts';
import { isRecord, own, recordAt } from '../tree.ts';
import { checkBuild } from './building.ts';
import { checkOneOf } from './one-of.ts';
import { checkReference } from './references.ts';

/** Checks what a stage learns from, or makes its data set of; `making` are the stages that make data sets. */
export function* checkStageData(
  source: Source,
  stage: DeclaredStage,
  making: readonly DeclaredStage[],
): Generator<Diagnostic> {
  if (!stage.kind || !own(partOfStage, stage.kind)) return;
  const { kind, name, body } = stage;
  const path: Path = ['stages', name, kind];
  const { data, mix } = body;
  if (typeof data === 'string') yield* checkReference(source, source.place([...path, 'data']), data, making, stage);
  if (isDataKind(kind) && recordAt(source.value, 'data')[name] !== undefined) {
    const related = [{ ...source.keyPlace(['data', name]), message: 'the data set is here' }];
    const message = `\`${name}\` is a data set already, and what a stage makes is referred to by the stage's name`;
    yield diagnose(source.file, source.keyPlace(['stages', name]), 'bad-name', message, { related });
  }
  switch (kind) {
    case 'pretrain':
    case 'cpt':
      yield* checkOneOf(source, path, body, ['data', 'mix'], 'data: a data set, or mix: data sets and their shares');
      yield* checkMix(source, [...path, 'mix'], stage, isRecord(mix) ? Object.keys(mix) : [], making);
      break;
    case 'generate':
      yield* checkOneOf(
        source,
        path,
        body,
        ['from', 'endpoint'],
        'from: a stage, or endpoint: the name of a model at a server',
      );
      break;
    case 'build':
      yield* checkBuild(source, path, stage, making);
      break;
    default:
  }
}

function* checkMix(
  source: Source,
  path: Path,
  stage: DeclaredStage,
  names: readonly string[],
  making: readonly DeclaredStage[],
): Generator<Diagnostic> {
  const sets = new Map<string, Place>();
  for (const name of names) {
    const place = source.keyPlace([...path, name]);
    if (name === 'replay') {
      if (stage.kind === 'cpt') continue;
      const message = 'pretraining has no ancestor whose data it could replay';
      yield diagnose(source.file, place, 'bad-mix', message, { hint: 'replay belongs into a cpt stage' });
      continue;
    }
    yield* checkReference(source, place, name, making, stage, ['replay']);
    const set = name.split('/')[0] ?? name;
    const first = sets.get(set);
    if (first) {
      const related = [{ ...first, message: 'first here' }];
      yield diagnose(source.file, place, 'bad-mix', `\`${set}\` stands twice in this mix`, { related });
    }
    sets.set(set, place);
  }
}
