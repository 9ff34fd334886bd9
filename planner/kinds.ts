import { lineageSchema } from '../schemas/validate.ts';
import { type QuantityKind, quantityKinds } from './quantities.ts';

/** The quantities among the fields of a definition of the schema, or of one of its properties, by name. */
export function quantityFields(definition: string, property?: string): ReadonlyMap<string, QuantityKind> {
  const name = property === undefined ? definition : `${definition}.${property}`;
  const fields = known.get(name) ?? readFields(definition, property);
  known.set(name, fields);
  return fields;
}

const known = new Map<string, ReadonlyMap<string, QuantityKind>>();

function readFields(definition: string, property: string | undefined): Map<string, QuantityKind> {
  const whole = lineageSchema().schema.$defs?.[definition];
  const part = property === undefined ? whole : whole?.properties?.[property];
  const fields = new Map<string, QuantityKind>();
  for (const [name, { $ref }] of Object.entries(part?.properties ?? {})) {
    const kind = $ref?.split('/').pop() ?? '';
    if (kind in quantityKinds) fields.set(name, kind as QuantityKind);
  }
  return fields;
}

/**
 * What a value says where a quantity of some kind stands, however it is spelled: `10%` and 0.1 of the steps are the same,
 * `20%` and `20% of mix` of a mix. Undefined for what is no quantity of that kind.
 */
export function meaningAs(kind: QuantityKind, value: unknown): string | undefined {
  const parsed = quantityKinds[kind].parse(value);
  return parsed.ok
    ? JSON.stringify(parsed.value, (_, part) => (typeof part === 'bigint' ? String(part) : part))
    : undefined;
}
