import { type AxisValue, axisNamed, readAxes } from '../axes.ts';
import { type Diagnostic, diagnose, shown } from '../diagnostic.ts';
import { quantityFields } from '../kinds.ts';
import { type QuantityKind, quantityKinds } from '../quantities.ts';
import { declaredStages } from '../stages.ts';
import type { Path, Source } from '../syntax.ts';
import { isRecord, own, recordAt } from '../tree.ts';

/** Checks single numbers: quantities, also those that axes put in their place, and the shapes of models. */
export function* checkValues(source: Source): Generator<Diagnostic> {
  for (const name of Object.keys(recordAt(source.value, 'models'))) yield* checkModel(source, name);
  for (const name of Object.keys(recordAt(source.value, 'tokenizers'))) {
    const path = ['tokenizers', name, 'bpe'];
    yield* checkFields(source, path, quantityFields('tokenizer', 'bpe'));
    yield* checkVocabulary(source, [...path, 'vocab']);
  }
  for (const name of Object.keys(recordAt(source.value, 'data')))
    yield* checkFields(source, ['data', name], quantityFields('fileData'));
  for (const stage of declaredStages(source.value).values()) {
    if (!stage.kind) continue;
    const path = ['stages', stage.name, stage.kind];
    yield* checkFields(source, path, quantityFields(stage.kind));
    for (const name of Object.keys(recordAt(stage.body, 'mix')))
      yield* checkQuantity(source, [...path, 'mix', name], 'share');
    for (const name of Object.keys(recordAt(stage.body, 'split')))
      yield* checkQuantity(source, [...path, 'split', name], 'extent');
  }
  yield* checkFields(source, ['evaluate'], quantityFields('evaluate'));
  yield* checkFields(source, ['budget'], quantityFields('budget'));
  yield* checkBudgetTokens(source, ['budget', 'tokens']);
  for (const name of Object.keys(recordAt(source.value, 'placement')))
    yield* checkTimeout(source, ['placement', name, 'timeout']);
}

/** Counts may not be 0, but these. */
const mayBeZero = new Set(['samples']);
/** Numbers may be 0, but these. */
const mayNotBeZero = new Set(['temperature', 'topP', 'repetitionPenalty', 'beta', 'decay', 'flops', 'hours']);

/** The least vocabulary of byte-pair encoding: every byte, and <|endoftext|>. */
const leastVocabulary = 257;

function* checkModel(source: Source, name: string): Generator<Diagnostic> {
  const number = (field: string) => {
    const value = own(recordAt(source.value, 'models', name), field);
    return typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : undefined;
  };
  const report = (field: string, message: string, hint: string) =>
    diagnose(source.file, source.place(['models', name, field]), 'bad-model', message, { hint });
  const [hidden, heads, kvHeads] = [number('hidden'), number('heads'), number('kvHeads')];
  if (hidden !== undefined && heads !== undefined) {
    if (hidden % heads !== 0) {
      yield report(
        'hidden',
        `\`hidden\` must be a multiple of \`heads\`: ${hidden} is none of ${heads}`,
        `${Math.max(1, Math.round(hidden / heads)) * heads} would be one`,
      );
    } else if ((hidden / heads) % 2 !== 0) {
      yield report(
        'hidden',
        `each head has hidden / heads = ${hidden / heads} numbers, and rotary embeddings need an even count`,
        `${heads * (hidden / heads + 1)} would do`,
      );
    }
  }
  if (heads !== undefined && kvHeads !== undefined && heads % kvHeads !== 0) {
    const divisors = Array.from({ length: Math.min(heads, 1024) }, (_, index) => index + 1).filter(
      (candidate) => heads % candidate === 0,
    );
    yield report(
      'kvHeads',
      `\`heads\` must be a multiple of \`kvHeads\`: ${heads} is none of ${kvHeads}`,
      `one of ${divisors.join(', ')}`,
    );
  }
}

function* checkVocabulary(source: Source, path: Path): Generator<Diagnostic> {
  const vocab = valueAt(source, path);
  const parsed = quantityKinds.count.parse(vocab);
  if (vocab === undefined || !parsed.ok || parsed.value === 0 || parsed.value >= leastVocabulary) return;
  const message = `a vocabulary of ${parsed.value} is too small: 256 bytes and the end of text are ${leastVocabulary}`;
  yield diagnose(source.file, source.place(path), 'bad-value', message, { hint: 'for bytes alone write {bytes: {}}' });
}

function* checkTimeout(source: Source, path: Path): Generator<Diagnostic> {
  const timeout = valueAt(source, path);
  if (typeof timeout === 'string' && /^[0.]+[smhd]$/.test(timeout)) {
    yield diagnose(source.file, source.place(path), 'bad-value', 'an attempt needs some time', {
      expected: '30m, 12h, 7d',
    });
  }
}

/** A budget is of all models together, so it cannot be an amount for each parameter of one. */
function* checkBudgetTokens(source: Source, path: Path): Generator<Diagnostic> {
  const parsed = quantityKinds.tokens.parse(valueAt(source, path));
  if (!parsed.ok || 'tokens' in parsed.value) return;
  const message = `${shown(source.written(path))} is so many tokens for each parameter of a model, and a budget is of all models`;
  yield diagnose(source.file, source.place(path), 'bad-quantity', message, {
    expected: 'an amount, such as 40M or 8BT',
  });
}

function* checkFields(source: Source, path: Path, fields: ReadonlyMap<string, QuantityKind>): Generator<Diagnostic> {
  for (const [field, kind] of fields) yield* checkQuantity(source, [...path, field], kind);
}

/** One field: what is written in it, or each value of the axis that stands in it. */
function* checkQuantity(source: Source, path: Path, kind: QuantityKind): Generator<Diagnostic> {
  const value = valueAt(source, path);
  if (typeof value !== 'string' && typeof value !== 'number') return; // not there, or of a wrong type, which the schema says
  const axis = axisNamed(value);
  if (axis === undefined) {
    yield* checkOne(source, path, { value, written: source.written(path), path }, kind);
  } else if (path[0] === 'stages') {
    for (const each of readAxes(source).get(axis)?.values ?? []) yield* checkOne(source, path, each, kind);
  }
}

function* checkOne(
  source: Source,
  field: Path,
  { value, written, path }: AxisValue,
  kind: QuantityKind,
): Generator<Diagnostic> {
  const { expected, parse } = quantityKinds[kind];
  const parsed = parse(value);
  const name = String(field.at(-1));
  const related = path === field ? [] : [{ ...source.place(field), message: 'it is used here' }];
  const report = (problem: string, hint?: string, wanted: string = expected) =>
    diagnose(source.file, source.place(path), 'bad-quantity', `${shown(written)} ${problem}`, {
      expected: wanted,
      hint,
      related,
    });
  if (!parsed.ok) yield report(parsed.problem, parsed.hint);
  else if (parsed.value === 0 && (kind === 'count' ? !mayBeZero.has(name) : mayNotBeZero.has(name))) {
    if (name === 'temperature' && field.includes('generate')) return; // which is greedy
    yield report(`is too little for \`${name}\``, undefined, kind === 'count' ? 'at least 1' : 'more than 0');
  }
}

function valueAt(source: Source, path: Path): unknown {
  let value = source.value;
  for (const step of path) value = isRecord(value) ? own(value, String(step)) : undefined;
  return value;
}
