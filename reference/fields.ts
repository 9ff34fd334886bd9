import { code, linkTo, table } from './markdown.ts';
import {
  definitionOf,
  descriptionOf,
  type Field,
  fieldsOf,
  formsOf,
  parted,
  resolved,
  type Schema,
  withoutDefault,
} from './schema.ts';
import { type Kinds, kindSection, typeOf } from './types.ts';

/** A map of a file, and where in the file it stands. */
interface Section {
  heading: string;
  schema: Schema;
  places: Set<string>;
}

/**
 * Sections of Markdown that tell every field of a schema: one for each map in it, in the order in which the file has them,
 * and a last one for the kinds of values that fields refer to. `title` heads the whole file's own.
 */
export function fieldSections(root: Schema, title: string): string[] {
  const sections = sectionsOf(root, title);
  const kinds: Kinds = { headingOf: (part) => sections.get(keyOf(part))?.heading, named: new Set() };
  const told = [...sections.values()].map((section) => tell(root, section, kinds));
  return kinds.named.size === 0 ? told : [...told, kindSection(root, [...kinds.named].sort())];
}

/** Every map of the schema, so that what is there twice is told once. */
function sectionsOf(root: Schema, title: string): Map<string, Section> {
  const sections = new Map<string, Section>();
  // What the file has at its top is told where the top has it, whatever refers to it before.
  const atTop = new Set(fieldsOf(root, root).map(({ schema }) => definitionOf(schema)));
  const add = (heading: string, part: Schema, place: string): void => {
    const known = sections.get(keyOf(part));
    known?.places.add(place);
    if (known) return;
    sections.set(keyOf(part), { heading, schema: part, places: new Set([place]) });
    for (const form of [part, ...(part.allOf ?? [])].flatMap((one) => formsOf(root, one)))
      for (const { name, schema } of fieldsOf(root, form)) {
        const above = form.title ?? heading;
        visit(schema, above === title ? name : `${above}.${name}`, place === '' ? name : `${place}.${name}`, part);
      }
  };
  const visit = (schema: Schema, heading: string, place: string, within: Schema): void => {
    const name = definitionOf(schema);
    if (name !== undefined && within !== root && atTop.has(name)) return;
    const part = resolved(root, schema);
    const own = name ?? heading;
    const isOfOthers = name === undefined && (part.anyOf ?? part.oneOf ?? []).every(isDefinition);
    if (formsOf(root, part).length > 0 && (part.properties || !isOfOthers)) add(own, part, place);
    else {
      if (part.items) visit(part.items, own, `${place}[]`, within);
      if (typeof part.additionalProperties === 'object') visit(part.additionalProperties, own, `${place}.NAME`, within);
      for (const choice of part.anyOf ?? part.oneOf ?? []) visit(choice, own, place, within);
    }
  };
  add(title, root, '');
  return sections;
}

function isDefinition(schema: Schema): boolean {
  return definitionOf(schema) !== undefined;
}

/** Parts that say the same are one. */
function keyOf(part: Schema): string {
  return JSON.stringify(part);
}

function tell(root: Schema, { heading, schema, places }: Section, kinds: Kinds): string {
  const parts = [`## ${heading}`];
  if (schema !== root)
    parts.push(`At ${listed([...places].map(code))}. ${withoutDefault(schema.description ?? '').text}`.trim());
  for (const one of [schema, ...(schema.allOf ?? [])]) {
    const { common, forms } = parted(root, formsOf(root, one));
    if (common.length > 0) parts.push(fieldTable(root, common, kinds));
    for (const { label, description, fields } of forms) {
      parts.push(`**${label}**${description === '' ? '' : `: ${description}`}`);
      if (fields.length > 0) parts.push(fieldTable(root, fields, kinds));
    }
  }
  return parts.join('\n\n');
}

function fieldTable(root: Schema, fields: readonly Field[], kinds: Kinds): string {
  const [, of] = /^#\/\$defs\/([^/]+)\/properties\//.exec(fields[0]?.schema.$ref ?? '') ?? [];
  if (of !== undefined && fields.every(({ name, schema }) => schema.$ref === `#/$defs/${of}/properties/${name}`))
    return `Fields of ${linkTo(of)}, each as it is there: ${fields.map(({ name }) => code(name)).join(', ')}.`;
  return table(
    ['field', 'type', 'default', 'unit', ''],
    fields.map(({ name, schema, isRequired, description, default: preset, unit }) => [
      code(name),
      typeOf(root, schema, kinds),
      isRequired ? 'required' : preset,
      unit,
      description || descriptionOf(root, schema),
    ]),
  );
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}
