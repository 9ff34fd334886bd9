import { isMisspelled } from '../diagnostic.ts';
import type { Source } from '../syntax.ts';
import { isRecord, own } from '../tree.ts';

/** The sections that map names to what they mean; those that must be there are true. */
const sections = { models: false, tokenizers: false, data: true, stages: true, axes: false } as const;

/**
 * The names that a section declares. Undefined when the section is missing, empty, misspelled or no map: that has been said,
 * and every name that refers to it would only repeat it.
 */
export function declaredNames({ value }: Source, section: keyof typeof sections): readonly string[] | undefined {
  const root = isRecord(value) ? value : {};
  const declared = own(root, section);
  if (isRecord(declared)) {
    const names = Object.keys(declared);
    return names.length === 0 && sections[section] ? undefined : names;
  }
  if (declared !== undefined || sections[section]) return undefined;
  return isMisspelled(section, root, Object.keys(sections)) ? undefined : [];
}
