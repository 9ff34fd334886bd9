import {
  DuckDBArrayValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  DuckDBUnionValue,
  type DuckDBValue,
} from '@duckdb/node-api';
import type { Json } from '../planner/plan.ts';

/**
 * A value of DuckDB as JSON has it, losing nothing: whole numbers and decimals that a double cannot hold become text
 * with all their digits, NaN and infinities text; a TIMESTAMPTZ is ISO 8601 in UTC; lists and structs are arrays and
 * objects; what JSON has no form for (dates, intervals, blobs) is text as DuckDB prints it.
 */
export function toJson(value: DuckDBValue): Json {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof DuckDBDecimalValue) return exactNumber(value.toString());
  if (value instanceof DuckDBTimestampTZValue) return isoTimestamp(value);
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue) return value.items.map(toJson);
  if (value instanceof DuckDBStructValue) return object(Object.entries(value.entries));
  if (value instanceof DuckDBMapValue) return object(value.entries.map((entry) => [String(entry.key), entry.value]));
  if (value instanceof DuckDBUnionValue) return toJson(value.value);
  return value.toString();
}

function object(entries: [string, DuckDBValue][]): { [name: string]: Json } {
  return Object.fromEntries(entries.map(([name, value]) => [name, toJson(value)]));
}

/** A double holds every decimal of up to 15 digits. */
function exactNumber(text: string): number | string {
  return text.replace(/[-.]/g, '').replace(/^0+/, '').length <= 15 ? Number(text) : text;
}

function isoTimestamp(value: DuckDBTimestampTZValue): string {
  const milliseconds = Number(value.micros / 1000n);
  // Beyond JavaScript's calendar, and DuckDB's own infinities.
  if (Math.abs(milliseconds) > 8.64e15) return value.toString();
  const rest = value.micros % 1000n;
  const text = new Date(milliseconds - (rest < 0n ? 1 : 0)).toISOString();
  const micros = String(rest < 0n ? rest + 1000n : rest).padStart(3, '0');
  return rest === 0n ? text : text.replace('Z', `${micros}Z`);
}
