/** Reading a value of which nothing is known yet: what is not there, or not of the right type, reads as empty. */

/** True for a map. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The map at a path; an empty one where there is none. */
export function recordAt(value: unknown, ...path: string[]): Record<string, unknown> {
  const found = at(value, path);
  return isRecord(found) ? found : {};
}

/** The list at a path; an empty one where there is none. */
export function listAt(value: unknown, ...path: string[]): unknown[] {
  const found = at(value, path);
  return Array.isArray(found) ? found : [];
}

/** The text at a path, if there is one. */
export function textAt(value: unknown, ...path: string[]): string | undefined {
  const found = at(value, path);
  return typeof found === 'string' ? found : undefined;
}

/** An own property: a data set may be called `constructor`. */
export function own<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

/** Every scalar in a value, with its path. */
export function* scalars(
  value: unknown,
  path: readonly (string | number)[] = [],
): Generator<{ path: readonly (string | number)[]; value: unknown }> {
  if (Array.isArray(value)) for (const [index, item] of value.entries()) yield* scalars(item, [...path, index]);
  else if (isRecord(value)) for (const [name, item] of Object.entries(value)) yield* scalars(item, [...path, name]);
  else yield { path, value };
}

function at(value: unknown, path: readonly string[]): unknown {
  let found = value;
  for (const step of path) found = isRecord(found) ? own(found, step) : undefined;
  return found;
}
