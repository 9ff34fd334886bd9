import { isDeepStrictEqual } from 'node:util';
import type { JsonSchema } from '../schemas/validate.ts';

/** A JSON Schema, as far as a page tells of it. */
export interface Schema extends Omit<JsonSchema, '$defs' | 'properties' | 'items' | 'anyOf' | 'oneOf'> {
  title?: string;
  $defs?: Record<string, Schema>;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  unit?: string;
}

/** A field of a map, with what a page says of it. */
export interface Field {
  name: string;
  schema: Schema;
  isRequired: boolean;
  description: string;
  /** What holds where it is not given, in words; empty where its description names nothing. */
  default: string;
  unit: string;
}

/** One form that a map may have: its own fields, and by what it is told from the others. */
export interface Form {
  label: string;
  description: string;
  fields: Field[];
}

/** The part that a reference leads to, and that of a choice of one; itself where it is neither. */
export function resolved(root: Schema, schema: Schema): Schema {
  if (schema.$ref !== undefined) return resolved(root, partAt(root, schema.$ref));
  const [only, ...others] = schema.oneOf ?? [];
  return only !== undefined && others.length === 0 ? resolved(root, only) : schema;
}

/** The name of the definition that a schema refers to, as `#/$defs/name`; undefined where it refers to none, or to a part of one. */
export function definitionOf({ $ref, oneOf }: Schema): string | undefined {
  if ($ref === undefined) return oneOf?.length === 1 ? definitionOf(oneOf[0] as Schema) : undefined;
  return /^#\/\$defs\/([^/]+)$/.exec($ref)?.[1];
}

/** The maps that a schema is or chooses from, each without references. Empty where it is something else. */
export function formsOf(root: Schema, schema: Schema): Schema[] {
  const part = resolved(root, schema);
  const choices = part.oneOf ?? part.anyOf;
  if (part.properties !== undefined) return [part];
  return (choices ?? []).flatMap((choice) => formsOf(root, choice));
}

/** The fields that all forms have alike, and the forms with what is left of each. */
export function parted(root: Schema, forms: readonly Schema[]): { common: Field[]; forms: Form[] } {
  const [first] = forms;
  const common = fieldsOf(root, first ?? {}).filter((field) =>
    forms.every((form) => fieldsOf(root, form).some((other) => isDeepStrictEqual(other, field))),
  );
  if (forms.length === 1) return { common, forms: [] };
  const names = new Set(common.map(({ name }) => name));
  return {
    common,
    forms: forms.map((form) => ({
      label: labelOf(form, forms),
      description: form.description ?? '',
      fields: fieldsOf(root, form).filter(({ name }) => !names.has(name)),
    })),
  };
}

/** The fields of a map, in the schema's order. */
export function fieldsOf(root: Schema, { properties, required }: Schema): Field[] {
  return Object.entries(properties ?? {}).map(([name, schema]) => {
    const { text, preset } = withoutDefault(descriptionOf(root, schema));
    const isRequired = required?.includes(name) ?? false;
    return { name, schema, isRequired, description: text, default: preset, unit: unitOf(root, schema) };
  });
}

/** A description without the sentence `Default: ….`, and what that says. */
export function withoutDefault(description: string): { text: string; preset: string } {
  const found = /\s*Default: (.*?)\.(?=\s[A-Z`]|$)/.exec(description);
  if (!found) return { text: description, preset: '' };
  return { text: description.replace(found[0], ''), preset: found[1] ?? '' };
}

/** What a field is for: its own description, else that of what it refers to. */
export function descriptionOf(root: Schema, schema: Schema): string {
  if (schema.description !== undefined) return schema.description;
  return schema.$ref === undefined ? '' : descriptionOf(root, partAt(root, schema.$ref));
}

function unitOf(root: Schema, schema: Schema): string {
  if (schema.unit !== undefined) return schema.unit;
  return schema.$ref === undefined ? '' : unitOf(root, partAt(root, schema.$ref));
}

/** What tells a form from the others: a field that has values of its own in each, else the fields that it must have. */
function labelOf(form: Schema, forms: readonly Schema[]): string {
  const telling = Object.keys(form.properties ?? {}).find((name) => {
    const values = forms.map(({ properties }) => valuesOf(properties?.[name]));
    return values.every((own) => own.length > 0) && new Set(values.map(String)).size === forms.length;
  });
  if (telling === undefined) {
    const names = (form.required ?? Object.keys(form.properties ?? {})).map((name) => `\`${name}\``);
    return names.join(form.required ? ', ' : ' or ');
  }
  const values = valuesOf(form.properties?.[telling]).map((value) => `\`${value}\``);
  return `\`${telling}\`: ${values.join(', ')}`;
}

function valuesOf(schema: Schema | undefined): unknown[] {
  return schema?.const === undefined ? (schema?.enum ?? []) : [schema.const];
}

/** What stands at a reference. Throws Error where nothing does. */
export function partAt(root: Schema, pointer: string): Schema {
  const part = pointer
    .slice(2)
    .split('/')
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], root);
  if (part === undefined) throw new Error(`the schema has nothing at ${pointer}`);
  return part as Schema;
}
