import { type Diagnostic, diagnose, listed } from '../diagnostic.ts';
import type { Path, Source } from '../syntax.ts';

/** Exactly one of some keys of a stage. */
export function* checkOneOf(
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
