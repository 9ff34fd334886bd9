import type { Json } from '../../planner/plan.ts';
import type { Rows } from '../../results/query.ts';
import { counted } from '../../words/figures.ts';
import { columns as linedUp } from './columns.ts';
import { onOneLine } from './one-line.ts';

/** How rows can be written as text. */
const rowFormats = ['table', 'json', 'csv', 'md'] as const;
export type RowFormat = (typeof rowFormats)[number];

/**
 * Rows as text. `table` and `md` (Markdown) are for people: fractions have six digits, NULL is written out. `json` (an
 * array of objects, one a line) and `csv` (RFC 4180) are for programs: all digits, NULL is null or an empty field, and
 * an empty text is quoted.
 */
export function formatRows(result: Rows, format: RowFormat): string {
  switch (format) {
    case 'table':
      return asTable(result);
    case 'json':
      return asJson(result);
    case 'csv':
      return asCsv(result);
    case 'md':
      return asMarkdown(result);
    default:
      return format satisfies never;
  }
}

function asTable({ columns, rows }: Rows): string {
  const head = columns.map(({ name }) => name);
  const body = rows.map((row) => row.map((value) => onOneLine(forPeople(value))));
  const alignments = columns.map((_, index) => (isNumeric(rows, index) ? 'right' : 'left'));
  return `${linedUp([head, ...body], alignments)}\n(${counted(rows.length, 'row')})\n`;
}

function asJson({ columns, rows }: Rows): string {
  const objects = rows.map((row) => JSON.stringify(Object.fromEntries(columns.map(({ name }, i) => [name, row[i]]))));
  return objects.length === 0 ? '[]\n' : `[\n${objects.join(',\n')}\n]\n`;
}

function asCsv({ columns, rows }: Rows): string {
  const lines = [columns.map(({ name }) => csvField(name)), ...rows.map((row) => row.map(csvField))];
  return lines.map((fields) => `${fields.join(',')}\r\n`).join('');
}

function asMarkdown({ columns, rows }: Rows): string {
  const cell = (text: string) =>
    text
      .split('\n')
      .map((line) => onOneLine(line.replace(/[\\|<>&`]|\](?=\()/g, '\\$&')))
      .join('<br>');
  const line = (cells: string[]) => `| ${cells.join(' | ')} |\n`;
  return [
    line(columns.map(({ name }) => cell(name))),
    line(columns.map((_, index) => (isNumeric(rows, index) ? '---:' : '---'))),
    ...rows.map((row) => line(row.map((value) => cell(forPeople(value))))),
  ].join('');
}

function isNumeric(rows: Json[][], column: number): boolean {
  return rows.some((row) => typeof row[column] === 'number');
}

function forPeople(value: Json): string {
  if (value === null) return 'NULL';
  if (typeof value === 'number') return String(Number.isInteger(value) ? value : Number(value.toPrecision(6)));
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function csvField(value: Json): string {
  if (value === null) return '';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
