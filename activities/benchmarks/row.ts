/** Fields of a row of a benchmark's file, read with words for whoever has another file. */

/** A row as its file has it: a line of JSON, or a row of Parquet. */
export type Row = Readonly<Record<string, unknown>>;

/** A row that is not of the form that its benchmark has. */
export class RowError extends Error {
  override name = 'RowError';
}

/** The text in a field of a row, or in a field of one of its maps: `choices.label`. Throws a RowError where there is none. */
export function textIn(row: Row, path: string): string {
  const value = valueIn(row, path);
  if (typeof value !== 'string') throw new RowError(`has no text in \`${path}\``);
  return value;
}

/** The texts of a list in a field. Throws a RowError where there is no such list. */
export function textsIn(row: Row, path: string): string[] {
  const value = valueIn(row, path);
  if (!Array.isArray(value) || value.length === 0 || value.some((each) => typeof each !== 'string'))
    throw new RowError(`has no list of texts in \`${path}\``);
  return value;
}

/** A whole number in a field, which may be written as text. Throws a RowError where there is none. */
export function numberIn(row: Row, path: string): number {
  const value = valueIn(row, path);
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (!Number.isInteger(number)) throw new RowError(`has no whole number in \`${path}\``);
  return number as number;
}

/** Whatever is in a field, for those that a row may lack: undefined where it is not there, or null. */
export function valueIn(row: Row, path: string): unknown {
  let value: unknown = row;
  for (const name of path.split('.'))
    value =
      typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Row)[name] : undefined;
  return value ?? undefined;
}
