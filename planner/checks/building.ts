import { type Diagnostic, diagnose, didYouMean, listed, type Place, shown } from '../diagnostic.ts';
import { buildOperations, type DeclaredStage, dataReferences, operationOf } from '../stages.ts';
import type { Path, Source } from '../syntax.ts';
import { listAt, textAt } from '../tree.ts';
import { checkOneOf } from './one-of.ts';
import { checkReference, hasPart } from './references.ts';
import { declaredNames } from './section.ts';

/** One operation, of as many sets as it takes, none of which is without end. */
export function* checkBuild(
  source: Source,
  path: Path,
  stage: DeclaredStage,
  making: readonly DeclaredStage[],
): Generator<Diagnostic> {
  const { body } = stage;
  yield* checkOneOf(source, path, body, buildOperations, `one of ${listed(buildOperations)}`);
  const operation = operationOf(stage);
  if (body.order !== undefined && operation !== 'split') {
    const message = '`order` is of `split`, and this stage has none';
    yield diagnose(source.file, source.keyPlace([...path, 'order']), 'unknown-key', message, { hint: 'remove it' });
  }
  for (const [index, reference] of listAt(body, 'data').entries())
    if (typeof reference === 'string')
      yield* checkReference(source, source.place([...path, 'data', index]), reference, making, stage);
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
    ['benchmark', 'suite'].some((key) => textAt(source.value, 'data', set, key) !== undefined) ||
    hasPart(source, set, 'problems');
  if (isAsked(name) && (part === undefined || part === 'problems' || part === 'test')) return;
  const expected = listed(sets.filter(isAsked)) || 'a data set with problems';
  const message = `\`${reference}\` has no test problems to compare with`;
  yield diagnose(source.file, place, 'wrong-part', message, { expected });
}
