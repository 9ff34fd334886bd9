import { type Axis, lacksValue } from '../axes.ts';
import { type Diagnostic, diagnose, didYouMean, listed, shown } from '../diagnostic.ts';
import type { Space } from '../space.ts';
import type { StageReference } from '../stages.ts';
import type { Path, Source } from '../syntax.ts';
import { declaredNames } from './section.ts';

/** Whether a reference to a variant of a stage names axes that the stage varies over (`available`), and values that they have. */
export function* checkPins(
  source: Source,
  path: Path,
  { stage, pins }: StageReference,
  available: readonly Axis[],
  space: Space,
  isTold: (path: Path) => boolean = () => false,
): Generator<Diagnostic> {
  const names = available.map((axis) => axis.name);
  const place = source.place(path);
  for (const [name, spelled] of pins) {
    const axis = available.find((candidate) => candidate.name === name);
    if (!axis) {
      if (!space.axes.has(name) && !declaredNames(source, 'axes')) continue; // which are no map
      const message = space.axes.has(name)
        ? `\`${stage}\` does not vary over \`${name}\``
        : `there is no axis ${shown(name)}`;
      const remarks = {
        expected: names.length > 0 ? listed(names) : `\`${stage}\` has one variant: leave out the part after @`,
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
