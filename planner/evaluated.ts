import type { LineageFile } from '../schemas/types/lineage.ts';
import { declaredStages, isModel } from './stages.ts';

/** The stages that a lineage evaluates, by name; of `each: all` every one that leaves a language model. */
export function evaluatedStages(file: LineageFile): readonly string[] {
  const each = file.evaluate?.each ?? [];
  if (each !== 'all') return each;
  return [...declaredStages(file)].flatMap(([name, { kind }]) => (kind && isModel(kind) ? [name] : []));
}
