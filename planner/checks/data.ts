import { benchmarks, type GeneratorEntry, generators, suites } from '../../schemas/catalogue.ts';
import { partOfSuite } from '../data.ts';
import { type Diagnostic, diagnose, didYouMean, listed, shown } from '../diagnostic.ts';
import { numberHint } from '../quantities.ts';
import { declaredStages, isDataKind } from '../stages.ts';
import type { Path, Source } from '../syntax.ts';
import { listAt, own, recordAt, textAt } from '../tree.ts';
import { checkReference } from './references.ts';
import { checkStageData } from './stage-data.ts';

/** Checks data sets, and whatever refers to them: generators, their options, parts, mixes. */
export function* checkData(source: Source): Generator<Diagnostic> {
  for (const name of Object.keys(recordAt(source.value, 'data'))) yield* checkDataset(source, name);
  for (const tokenizer of Object.keys(recordAt(source.value, 'tokenizers'))) {
    for (const [index, reference] of listAt(source.value, 'tokenizers', tokenizer, 'bpe', 'data').entries()) {
      const place = source.place(['tokenizers', tokenizer, 'bpe', 'data', index]);
      if (typeof reference === 'string') yield* checkReference(source, place, reference);
    }
  }
  const stages = [...declaredStages(source.value).values()];
  const making = stages.filter(({ kind }) => isDataKind(kind));
  for (const { name } of making) yield* checkDatasetName(source, ['stages'], name);
  for (const stage of stages) yield* checkStageData(source, stage, making);
}

/** What stands for something else wherever data sets are named: in a mix, and among the figures of a suite. */
const reserved: Readonly<Record<string, string>> = {
  replay: "the ancestor's data in a mix",
  all: 'the mean of a suite over all that it asks',
};

function* checkDatasetName(source: Source, path: Path, name: string): Generator<Diagnostic> {
  const meaning = own(reserved, name);
  if (meaning === undefined) return;
  const message = `\`${name}\` stands for ${meaning}; a data set cannot be called so`;
  yield diagnose(source.file, source.keyPlace([...path, name]), 'bad-name', message);
}

function* checkDataset(source: Source, name: string): Generator<Diagnostic> {
  yield* checkDatasetName(source, ['data'], name);
  const declared = recordAt(source.value, 'data', name);
  yield* checkBenchmark(source, name, declared);
  yield* checkSuite(source, name, declared);
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

/** Whether a data set has what the suite that it is for asks. */
function* checkSuite(source: Source, name: string, declared: Readonly<Record<string, unknown>>): Generator<Diagnostic> {
  const suite = suites.find((each) => each === declared.suite);
  if (suite === undefined) return;
  const place = source.place(['data', name, 'suite']);
  if (declared.benchmark !== undefined) {
    const message = 'a benchmark says itself which suite asks it';
    yield diagnose(source.file, place, 'one-of', message, { hint: 'remove `suite`' });
    return;
  }
  const parts: readonly string[] | undefined =
    declared.files !== undefined ? ['text', 'problems'] : own(generators, textAt(declared, 'generator') ?? '')?.parts;
  const wanted = partOfSuite[suite];
  if (parts === undefined || parts.includes(wanted)) return;
  const expected = listed(suites.filter((each) => parts.includes(partOfSuite[each])));
  yield diagnose(source.file, place, 'wrong-part', `the suite \`${suite}\` asks ${wanted}, and \`${name}\` has none`, {
    expected,
  });
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
