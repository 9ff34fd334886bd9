import type { ErrorObject } from 'ajv/dist/2020.js';
import { type JsonSchema, lineageSchema } from '../../schemas/validate.ts';
import type { Path } from '../syntax.ts';

/*
 * What the schema says, in words.
 */

/** A value's path in a sentence. */
export function where(path: Path): string {
  return path.length === 0 ? 'the file' : `\`${path.join('.')}\``;
}

const typeNames: Readonly<Record<string, string>> = {
  object: 'a map',
  array: 'a list',
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
};

/** What a schema takes: `a map`, `text or a number`. */
export function typeName(type: JsonSchema['type']): string {
  return [type ?? []]
    .flat()
    .map((name) => typeNames[name] ?? name)
    .join(' or ');
}

/** What a limit asks for: `at least 1`. */
export function comparison(error: ErrorObject): string {
  const limit = error.params.limit;
  if (error.keyword === 'minimum') return `at least ${limit}`;
  if (error.keyword === 'exclusiveMinimum') return `more than ${limit}`;
  return error.keyword === 'maximum' ? `at most ${limit}` : `less than ${limit}`;
}

/** Names of an error's map with what the schema says of each. */
export function describe(error: ErrorObject, names: readonly string[]): string {
  const { schema } = lineageSchema();
  const properties = propertiesOf(error);
  return names
    .map(
      (name) =>
        `${name}: ${properties[name]?.description ?? resolveReference(schema, properties[name] ?? {}).description ?? ''}`,
    )
    .join(' ');
}

/** The properties of the map that an error is about; the file's own `then` has none, and means the file's. */
export function propertiesOf({ parentSchema }: ErrorObject): Record<string, JsonSchema> {
  return (parentSchema as JsonSchema).properties ?? lineageSchema().schema.properties ?? {};
}

/** What a name is, in the schema's own words: those of the map whose names these are, if it has some. */
export function nameRule({ parentSchema }: ErrorObject): string | undefined {
  const { schema } = lineageSchema();
  const names = (parentSchema as JsonSchema).propertyNames;
  return (names ? resolveReference(schema, names) : schema.$defs?.name)?.description;
}

/** The schema that a `$ref` stands for, else the schema itself. */
export function resolveReference(schema: JsonSchema, part: JsonSchema): JsonSchema {
  const name = part.$ref?.split('/').pop();
  return (name === undefined ? undefined : schema.$defs?.[name]) ?? part;
}
