import { suites } from '../../schemas/catalogue.ts';
import { axisNamed, readAxes } from '../axes.ts';
import { type Diagnostic, diagnose, didYouMean, listed, shown } from '../diagnostic.ts';
import { plainAddress } from '../signature.ts';
import { readSpace } from '../space.ts';
import { type DeclaredStage, declaredStages, isModel, parseReference, scopesOf } from '../stages.ts';
import type { Path, Source } from '../syntax.ts';
import { isRecord, listAt, recordAt, textAt } from '../tree.ts';
import { checkPins } from './pins.ts';
import { declaredNames } from './section.ts';

/** Checks that names name something: models, tokenizers, suites, and the stages of `evaluate` and `placement`. */
export function* checkNames(source: Source): Generator<Diagnostic> {
  yield* checkTokenizers(source);
  yield* checkModels(source);
  yield* checkEvaluate(source);
  yield* checkPlacement(source);
}

function* checkTokenizers(source: Source): Generator<Diagnostic> {
  const tokenizers = declaredNames(source, 'tokenizers');
  for (const [name, model] of Object.entries(recordAt(source.value, 'models'))) {
    const tokenizer = textAt(model, 'tokenizer');
    if (tokenizer !== undefined) {
      yield* unknownName(source, ['models', name, 'tokenizer'], 'tokenizer', tokenizer, tokenizers);
    } else if (tokenizers && tokenizers.length > 1 && isRecord(model)) {
      const message = `\`models.${name}\` names no tokenizer, and there are ${tokenizers.length}`;
      const expected = `tokenizer: one of ${listed(tokenizers)}`;
      yield diagnose(source.file, source.place(['models', name]), 'missing-key', message, { expected });
    }
  }
}

function* checkModels(source: Source): Generator<Diagnostic> {
  const models = declaredNames(source, 'models');
  const axes = readAxes(source);
  for (const { name, kind, body } of declaredStages(source.value).values()) {
    const { model } = body;
    if (kind !== 'pretrain' || typeof model !== 'string') continue;
    const axis = axisNamed(model);
    if (axis === undefined) yield* unknownName(source, ['stages', name, kind, 'model'], 'model', model, models);
    for (const { value, path } of axes.get(axis ?? '')?.values ?? []) {
      yield* unknownName(source, path, 'model', String(value), models);
    }
  }
}

function* checkEvaluate(source: Source): Generator<Diagnostic> {
  const declared = declaredStages(source.value);
  const stages = declaredNames(source, 'stages');
  for (const [index, name] of listAt(source.value, 'evaluate', 'each').entries()) {
    if (typeof name !== 'string') continue;
    const path = ['evaluate', 'each', index];
    if (name === 'all' && stages && !stages.includes(name)) {
      const hint = 'for all models write `each: all`, which is no list';
      yield diagnose(source.file, source.place(path), 'unknown-name', 'there is no stage `all`', { hint });
      continue;
    }
    yield* unknownName(source, path, 'stage', name, stages);
    const kind = declared.get(name)?.kind;
    if (kind === undefined || isModel(kind)) continue;
    const message = `\`${name}\` leaves ${kind === 'reward' ? 'a reward model' : 'a data set'}, and no language model that could be evaluated`;
    const hint =
      kind === 'reward' ? `remove it; to score responses with it, say \`rewardModel: ${name}\`` : 'remove it';
    yield diagnose(source.file, source.place(path), 'bad-value', message, { hint });
  }
  yield* checkRewardModel(source, declared);
  const kinds = new Set([...declared.values()].map((stage) => stage.kind));
  for (const [index, name] of listAt(source.value, 'evaluate', 'suites').entries()) {
    if (typeof name !== 'string') continue;
    const path = ['evaluate', 'suites', index];
    yield* unknownName(source, path, 'suite', name, suites);
    if (name === 'id' && !kinds.has('sft') && !kinds.has('rl') && !kinds.has(undefined)) {
      const message = 'the suite `id` asks the problems that sft and rl stages train on, and there is no such stage';
      const hint = 'remove `id`, or add an sft or rl stage';
      yield diagnose(source.file, source.place(path), 'bad-value', message, { hint });
    }
  }
}

/** What scores responses is a reward stage, or a model that was adopted, and its variant is of axes and values that there are. */
function* checkRewardModel(source: Source, declared: ReadonlyMap<string, DeclaredStage>): Generator<Diagnostic> {
  const written = textAt(source.value, 'evaluate', 'rewardModel');
  if (written === undefined) return;
  const { stage: name, pins } = parseReference(written);
  const path: Path = ['evaluate', 'rewardModel'];
  const judges = [...declared.values()].filter(({ kind }) => kind === 'reward' || kind === 'adopt');
  const names = judges.map((stage) => stage.name);
  if (!declared.has(name)) yield* unknownName(source, path, 'stage', name, [...declared.keys()]);
  else if (!names.includes(name)) {
    const message = `\`${name}\` is no reward model`;
    const expected = listed(names) || 'a `reward` stage, or an `adopt` stage with a reward model';
    yield diagnose(source.file, source.place(path), 'bad-value', message, { expected });
  } else {
    const space = readSpace(source);
    const available = scopesOf(declared, space).get(name)?.axes ?? [];
    yield* checkPins(source, path, { stage: name, pins }, available, space);
  }
}

function* checkPlacement(source: Source): Generator<Diagnostic> {
  if (Object.hasOwn(recordAt(source.value, 'stages'), 'default')) {
    const message = '`default` stands for all stages under `placement`; a stage cannot be called so';
    yield diagnose(source.file, source.keyPlace(['stages', 'default']), 'bad-name', message);
  }
  const stages = declaredNames(source, 'stages');
  for (const name of Object.keys(recordAt(source.value, 'placement'))) {
    if (!stages || name === 'default' || stages.includes(name)) continue;
    const stage = plainAddress(name);
    if (stages.includes(stage)) {
      const related = [{ ...source.keyPlace(['placement', stage]), message: 'first here' }];
      const message = `the stage \`${stage}\` is placed twice`;
      yield diagnose(source.file, source.keyPlace(['placement', name]), 'bad-value', message, { related });
      continue;
    }
    const remarks = { expected: listed(['default', ...stages]), hint: didYouMean(name, ['default', ...stages]) };
    const message = `there is no stage ${shown(name)}`;
    yield diagnose(source.file, source.keyPlace(['placement', name]), 'unknown-name', message, remarks);
  }
}

function* unknownName(
  source: Source,
  path: Path,
  what: string,
  name: string,
  known: readonly string[] | undefined,
): Generator<Diagnostic> {
  if (!known || known.includes(name)) return;
  const remarks =
    known.length === 0
      ? { hint: `declare it under \`${what}s\`` }
      : { expected: listed(known), hint: didYouMean(name, known) };
  yield diagnose(source.file, source.place(path), 'unknown-name', `there is no ${what} ${shown(name)}`, remarks);
}
