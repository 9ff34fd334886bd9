import { benchmarks, type GeneratorEntry, generators } from '../../schemas/catalogue.ts';
import { type Diagnostic, diagnose, didYouMean, listed, type Place, shown } from '../diagnostic.ts';
import { numberHint } from '../quantities.ts';
import {
  buildOperations,
  type DeclaredStage,
  dataReferences,
  declaredStages,
  isDataKind,
  operationOf,
  partMadeBy,
  partOfStage,
} from '../stages.ts';
import type { Path, Source } from '../syntax.ts';
import { isRecord, listAt, own, recordAt, textAt } from '../tree.ts';
import { declaredNames } from './section.ts';

/** Checks data sets, and whatever refers to them: generators, their options, parts, mixes. */
export function* checkData(source: Source): Generator<Diagnostic> {
  for (const name of Object.keys(recordAt(source.value, 'data'))) yield* checkDataset(source, name);
  for (const tokenizer of Object.keys(recordAt(source.value, 'tokenizers'))) {
    for (const [index, reference] of listAt(source.value, 'tokenizers', tokenizer, 'bpe', 'data').entries()) {
      const place = source.place(['tokenizers', tokenizer, 'bpe', 'data', index]);
      if (typeof reference === 'string') yield* checkReference(source, place, reference);
    }
  }
  for (const stage of declaredStages(source.value).values()) yield* checkStageData(source, stage);
}

/** Exactly one of some keys of a stage. */
function* checkOneOf(
  source: Source,
  path: Path,
  body: Readonly<Record<string, unknown>>,
  keys: readonly string[],
  expected: string,
): Generator<Diagnostic> {
  const rule = `\`${path.join('.')}\` must have exactly one of ${listed(keys.map((key) => `\`${key}\``))}`;
  const [first, second] = keys.filter((key) => body[key] !== undefined);
  if (first !== undefined && second !== undefined) {
    const related = [{ ...source.keyPlace([...path, first]), message: 'the other is here' }];
    yield diagnose(source.file, source.keyPlace([...path, second]), 'one-of', rule, { related });
  } else if (first === undefined) {
    yield diagnose(source.file, source.place(path), 'one-of', `${rule}, and has none`, { expected });
  }
}

function* checkDataset(source: Source, name: string): Generator<Diagnostic> {
  if (name === 'replay') {
    const message = "`replay` stands for the ancestor's data in a mix; a data set cannot be called so";
    yield diagnose(source.file, source.keyPlace(['data', name]), 'bad-name', message);
  }
  const declared = recordAt(source.value, 'data', name);
  yield* checkBenchmark(source, name, declared);
  const generator = textAt(declared, 'generator');
  if (generator === undefined) return;
  const entry = own(generators, generator);
  if (!entry) {
    const known = Object.keys(generators);
    const remarks = { expected: listed(known), hint: didYouMean(generator, known) };
    const place = source.place(['data', name, 'generator']);
    yield diagnose(source.file, place, 'unknown-name', `there is no generator ${shown(generator)}`, remarks);
    return;
  }
  for (const [option, value] of Object.entries(recordAt(declared, 'options'))) {
    yield* checkOption(source, ['data', name, 'options', option], generator, entry, value);
  }
}

/** Whether a benchmark is one, and nothing says of its rows what it says itself. */
function* checkBenchmark(
  source: Source,
  name: string,
  declared: Readonly<Record<string, unknown>>,
): Generator<Diagnostic> {
  const benchmark = textAt(declared, 'benchmark');
  const path = (key: string): Path => ['data', name, key];
  if (benchmark === undefined) {
    if (declared.prompts === undefined) return;
    const message = 'only a benchmark has prompts of its own';
    yield diagnose(source.file, source.keyPlace(path('prompts')), 'missing-key', message, {
      hint: 'name it as well: `benchmark: gsm8k`',
    });
    return;
  }
  const known = Object.keys(benchmarks);
  const entry = own(benchmarks, benchmark);
  if (!entry) {
    const remarks = { expected: listed(known), hint: didYouMean(benchmark, known) };
    yield diagnose(
      source.file,
      source.place(path('benchmark')),
      'unknown-name',
      `there is no benchmark ${shown(benchmark)}`,
      remarks,
    );
    return;
  }
  const idle = ['columns', 'heldout', ...(entry.part === 'choices' ? ['prompts', 'grading'] : [])];
  for (const key of idle.filter((one) => declared[one] !== undefined)) {
    const message = `\`${key}\` means nothing for \`${benchmark}\`, whose rows say all of it`;
    yield diagnose(source.file, source.keyPlace(path(key)), 'one-of', message, { hint: 'remove it' });
  }
  if (declared.format === 'text') {
    const message = `the rows of \`${benchmark}\` are in jsonl or parquet files`;
    yield diagnose(source.file, source.place(path('format')), 'bad-files', message);
  }
}

function* checkOption(
  source: Source,
  path: Path,
  generator: string,
  entry: GeneratorEntry,
  value: unknown,
): Generator<Diagnostic> {
  const option = String(path.at(-1));
  const known = own(entry.options, option);
  if (!known) {
    const options = Object.keys(entry.options);
    const remarks = { expected: listed(options) || 'no options', hint: didYouMean(option, options) };
    const message = `the generator \`${generator}\` has no option ${shown(option)}`;
    yield diagnose(source.file, source.keyPlace(path), 'unknown-name', message, remarks);
  } else if (known.type === 'integer' ? !Number.isSafeInteger(value) : typeof value !== known.type) {
    const wanted = { integer: 'a whole number', number: 'a number', string: 'text', boolean: 'true or false' };
    const message = `the option \`${option}\` must be ${wanted[known.type]}, and is ${shown(value)}`;
    const numeric = known.type === 'integer' || known.type === 'number';
    const hint = numeric
      ? numberHint(value)
      : known.type === 'boolean'
        ? 'yes, no, on and off are text in YAML 1.2'
        : undefined;
    yield diagnose(source.file, source.place(path), 'wrong-type', message, { expected: known.description, hint });
  }
}

function* checkStageData(source: Source, stage: DeclaredStage): Generator<Diagnostic> {
  if (!stage.kind || !own(partOfStage, stage.kind)) return;
  const { kind, name, body } = stage;
  const path: Path = ['stages', name, kind];
  const { data, mix } = body;
  if (typeof data === 'string') yield* checkReference(source, source.place([...path, 'data']), data, stage);
  if (isDataKind(kind) && recordAt(source.value, 'data')[name] !== undefined) {
    const related = [{ ...source.keyPlace(['data', name]), message: 'the data set is here' }];
    const message = `\`${name}\` is a data set already, and what a stage makes is referred to by the stage's name`;
    yield diagnose(source.file, source.keyPlace(['stages', name]), 'bad-name', message, { related });
  }
  switch (kind) {
    case 'pretrain':
    case 'cpt':
      yield* checkOneOf(source, path, body, ['data', 'mix'], 'data: a data set, or mix: data sets and their shares');
      yield* checkMix(source, [...path, 'mix'], stage, isRecord(mix) ? Object.keys(mix) : []);
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
      yield* checkBuild(source, path, stage);
      break;
    default:
  }
}

/** One operation, of as many sets as it takes, none of which is without end. */
function* checkBuild(source: Source, path: Path, stage: DeclaredStage): Generator<Diagnostic> {
  const { body } = stage;
  yield* checkOneOf(source, path, body, buildOperations, `one of ${listed(buildOperations)}`);
  const operation = operationOf(stage);
  if (body.order !== undefined && operation !== 'split') {
    const message = '`order` is of `split`, and this stage has none';
    yield diagnose(source.file, source.keyPlace([...path, 'order']), 'unknown-key', message, { hint: 'remove it' });
  }
  for (const [index, reference] of listAt(body, 'data').entries())
    if (typeof reference === 'string')
      yield* checkReference(source, source.place([...path, 'data', index]), reference, stage);
  if (
    Array.isArray(body.data) &&
    body.data.length > 1 &&
    operation &&
    operation !== 'agree' &&
    operation !== 'dedupe'
  ) {
    const message = `\`${operation}\` takes one data set, and these are ${body.data.length}`;
    yield diagnose(source.file, source.place([...path, 'data']), 'bad-value', message, {
      hint: 'make one of them first: a build with `dedupe`',
    });
  }
  for (const reference of dataReferences(body)) {
    if (textAt(source.value, 'data', reference.split('/')[0] ?? '', 'generator') === undefined) continue;
    const message = `\`${reference}\` is a generator's, which has no end: there is nothing to build of it`;
    yield diagnose(source.file, source.place([...path, 'data']), 'wrong-part', message, {
      hint: 'let a model answer its problems (`generate`), or learn from it as it is: its splits share no problem',
    });
  }
  for (const [index, reference] of listAt(body, 'decontaminate').entries()) {
    if (typeof reference !== 'string') continue;
    const place = source.place([...path, 'decontaminate', index]);
    yield* checkCompared(source, place, reference);
  }
}

/** A data set whose test problems are compared with: one that is declared, benchmarks too. */
function* checkCompared(source: Source, place: Place, reference: string): Generator<Diagnostic> {
  const sets = declaredNames(source, 'data');
  const [name = '', part] = reference.split('/');
  if (!sets) return;
  if (!sets.includes(name)) {
    const remarks = { expected: listed(sets), hint: didYouMean(name, sets) };
    yield diagnose(source.file, place, 'unknown-name', `there is no data set ${shown(name)}`, remarks);
    return;
  }
  const isAsked = (set: string) =>
    own(benchmarks, textAt(source.value, 'data', set, 'benchmark') ?? '') !== undefined ||
    hasPart(source, set, 'problems');
  if (isAsked(name) && (part === undefined || part === 'problems' || part === 'test')) return;
  const expected = listed(sets.filter(isAsked)) || 'a data set with problems';
  const message = `\`${reference}\` has no test problems to compare with`;
  yield diagnose(source.file, place, 'wrong-part', message, { expected });
}

function* checkMix(source: Source, path: Path, stage: DeclaredStage, names: readonly string[]): Generator<Diagnostic> {
  const sets = new Map<string, Place>();
  for (const name of names) {
    const place = source.keyPlace([...path, name]);
    if (name === 'replay') {
      if (stage.kind === 'cpt') continue;
      const message = 'pretraining has no ancestor whose data it could replay';
      yield diagnose(source.file, place, 'bad-mix', message, { hint: 'replay belongs into a cpt stage' });
      continue;
    }
    yield* checkReference(source, place, name, stage, ['replay']);
    const set = name.split('/')[0] ?? name;
    const first = sets.get(set);
    if (first) {
      const related = [{ ...first, message: 'first here' }];
      yield diagnose(source.file, place, 'bad-mix', `\`${set}\` stands twice in this mix`, { related });
    }
    sets.set(set, place);
  }
}

/** A data set, or a part of one, and whether the stage can learn from it. `others` are names that may stand here as well. */
function* checkReference(
  source: Source,
  place: Place,
  reference: string,
  stage?: DeclaredStage,
  others: readonly string[] = [],
): Generator<Diagnostic> {
  const [name = '', part] = reference.split('/');
  const sets = declaredNames(source, 'data');
  if (!sets) return;
  const report = (code: Diagnostic['code'], message: string, expected?: string, hint?: string) =>
    diagnose(source.file, place, code, message, { expected, hint });
  const wanted = own(partOfStage, stage?.kind ?? '') ?? part ?? 'text';
  const stages = stage ? declaredStages(source.value) : new Map<string, DeclaredStage>();
  const made = [...stages.values()].filter((each) => isDataKind(each.kind) && each.name !== stage?.name);
  const found = made.find((each) => each.name === name);
  const names = [...sets, ...made.map((each) => each.name)];
  if (found) {
    const has = partMadeBy(found);
    if (has === wanted && (part === undefined || part === has)) return;
    const message = `${stage?.kind} ${takes(stage)} ${wanted}, and \`${name}\` makes ${has}`;
    const hint = wanted === 'preferences' ? 'make pairs of them first: a build with `pairs`' : undefined;
    yield report('wrong-part', message, undefined, hint);
  } else if (!sets.includes(name)) {
    const hint =
      name === 'replay' ? '`replay` may stand in the mix of a cpt stage' : didYouMean(name, [...names, ...others]);
    yield report('unknown-name', `there is no data set ${shown(name)}`, listed(names), hint);
  } else if (part !== undefined && !parts.includes(part)) {
    const hint = didYouMean(part, parts);
    yield report('wrong-part', `a data set has no part ${shown(part)}`, listed(parts), hint);
  } else if (part !== undefined && part !== wanted) {
    const message = `${stage?.kind} ${takes(stage)} ${wanted}, and this is \`${reference}\``;
    const hint = hasPart(source, name, wanted) ? `write \`${name}/${wanted}\`, or another data set` : wayTo(wanted);
    yield report('wrong-part', message, undefined, hint);
  } else if (!hasPart(source, name, wanted)) {
    const having = sets.filter((set) => hasPart(source, set, wanted));
    const message = `\`${name}\` has no ${wanted}${stage?.kind ? `, which ${stage.kind} ${takes(stage)}` : ''}`;
    yield report('wrong-part', message, listed(having) || `a data set with ${wanted}`, wayTo(wanted));
  }
}

/** What a stage does with its data. */
function takes(stage: DeclaredStage | undefined): string {
  if (stage?.kind === 'generate') return 'answers';
  return stage?.kind === 'build' ? 'is made of' : 'learns from';
}

/** How to come to a part that no generator has. */
function wayTo(part: string): string | undefined {
  return part === 'preferences'
    ? 'let a model answer problems (`generate`), and make pairs of that (`build`)'
    : undefined;
}

/** The parts that a reference can name. */
const parts: readonly string[] = ['text', 'problems', 'preferences'];

/** What is in files only shows when they are read; benchmarks are for evaluations alone. */
function hasPart(source: Source, name: string, part: string): boolean {
  if (textAt(source.value, 'data', name, 'benchmark') !== undefined) return false;
  const generator = own(generators, textAt(source.value, 'data', name, 'generator') ?? '');
  return generator?.parts.some((candidate) => candidate === part) ?? true;
}
