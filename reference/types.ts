import { code, linkTo } from './markdown.ts';
import { definitionOf, partAt, resolved, type Schema } from './schema.ts';

/** What the types of fields lead to on their page. */
export interface Kinds {
  /** The heading of the section that tells a map; undefined where there is none. */
  headingOf(part: Schema): string | undefined;
  /** The names of definitions that types referred to so far, which a section of the page has to tell. */
  named: Set<string>;
}

/** What a value is, in words and links. Definitions that it refers to by name are added to `kinds.named`. */
export function typeOf(root: Schema, schema: Schema, kinds: Kinds): string {
  const type = (one: Schema) => typeOf(root, one, kinds);
  const part = resolved(root, schema);
  const heading = kinds.headingOf(part);
  if (heading !== undefined) return linkTo(heading);
  const words = wordsOf(part);
  if (words !== undefined) return words;
  const name = definitionOf(schema);
  const isCollection = part.items !== undefined || part.additionalProperties !== undefined;
  // A field without words of its own has its definition's, which then need not stand anywhere else.
  if (name !== undefined && !isCollection && schema.description !== undefined) {
    kinds.named.add(name);
    return linkTo(name);
  }
  if (name === undefined && schema.$ref !== undefined) return type(partAt(root, schema.$ref));
  const choices = part.oneOf ?? part.anyOf;
  if (choices) return [...new Set(choices.map(type))].join(' or ');
  if (part.items) return `list of ${itemType(root, part.items, kinds)}`;
  if (typeof part.additionalProperties === 'object')
    return `map of names to ${itemType(root, part.additionalProperties, kinds)}`;
  return [part.type ?? 'any']
    .flat()
    .map((one) => plainType(one, part))
    .join(' or ');
}

/** A section that tells the definitions of these names. */
export function kindSection(root: Schema, names: readonly string[]): string {
  const kinds = names.map((name) => {
    const { description = '', anyOf } = root.$defs?.[name] ?? {};
    return `### ${name}\n\n${description}${anyOf?.some(isAxis) ? ` Or the value of an axis: \`"{name}"\`.` : ''}`;
  });
  return ['## Values', ...kinds].join('\n\n');
}

/** Items have no words of their own, so that their definition is told by its name. */
function itemType(root: Schema, schema: Schema, kinds: Kinds): string {
  return typeOf(root, definitionOf(schema) === undefined ? schema : { ...schema, description: '' }, kinds);
}

/** The words that a value is one of; undefined where it is no such choice. */
function wordsOf({ const: constant, enum: words, anyOf }: Schema): string | undefined {
  if (constant !== undefined) return code(String(constant));
  if (words) return words.map((word) => code(String(word))).join(', ');
  const [choice, axis] = anyOf ?? [];
  if (anyOf?.length !== 2 || choice?.enum === undefined || !isAxis(axis ?? {})) return undefined;
  return `${wordsOf(choice)}, or an axis \`"{name}"\``;
}

function isAxis({ $ref }: Schema): boolean {
  return $ref === '#/$defs/axisReference';
}

const plainNames: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'whole number',
  number: 'number',
  boolean: 'true or false',
  array: 'list',
  object: 'map',
  null: 'null',
  any: 'any value',
};

function plainType(type: string, { minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Schema): string {
  const name = plainNames[type] ?? type;
  if (type !== 'integer' && type !== 'number') return name;
  const limits = [
    minimum === undefined ? '' : `from ${minimum}`,
    exclusiveMinimum === undefined ? '' : `above ${exclusiveMinimum}`,
    maximum === undefined ? '' : `to ${maximum}`,
    exclusiveMaximum === undefined ? '' : `below ${exclusiveMaximum}`,
  ].filter((limit) => limit !== '');
  return limits.length === 0 ? name : `${name} ${limits.join(' ')}`;
}
