import { type Diagnostic, didYouMean, listed, warn } from '../diagnostic.ts';
import type { Source } from '../syntax.ts';
import { recordAt, textAt } from '../tree.ts';

/** Whether the file places anything on a device class by name. */
export function placesByName(source: Source): boolean {
  return Object.values(recordAt(source.value, 'placement')).some(
    (entry) => (textAt(entry, 'device') ?? 'auto') !== 'auto',
  );
}

/**
 * A warning for each device class that is placed on and is not among those that are known here, at its name. No error: the
 * file is right where another machine has that class.
 */
export function* checkDevices(source: Source, known: readonly string[]): Generator<Diagnostic> {
  for (const [stage, entry] of Object.entries(recordAt(source.value, 'placement'))) {
    const device = textAt(entry, 'device') ?? 'auto';
    if (device === 'auto' || known.includes(device)) continue;
    // A GPU is no misspelling of `cuda`, and what is meant.
    const meant =
      /^(cuda|nvidia)/i.test(device) && known.includes('gpu') ? 'did you mean `gpu`?' : didYouMean(device, known);
    yield warn(
      source.file,
      source.place(['placement', stage, 'device']),
      'unknown-name',
      `this machine has no device class \`${device}\``,
      { expected: listed(['auto', ...known]), hint: meant ?? 'name it in temporal.config (`devices`)' },
    );
  }
}
