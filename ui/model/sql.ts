import type { Json } from '../../planner/plan.ts';
import type { Table, Vocabulary } from '../protocol.ts';

type Query = Vocabulary['queries'][number];

/** What a query asks to be given: of a saved one what it declares, of SQL every `$name` outside of quotes and comments. */
export function parametersOf(text: string, vocabulary: Vocabulary): Query['parameters'] {
  const saved = savedQuery(text, vocabulary);
  if (saved !== undefined) return saved.parameters;
  const bare = text.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\//g, ' ');
  const names = new Set([...bare.matchAll(/\$([A-Za-z_]\w*)/g)].map(([, name]) => name as string));
  return [...names].map((name) => ({ name, type: '', required: true, default: null, description: '' }));
}

/** The saved query that a text is the name of. */
export function savedQuery(text: string, { queries }: Vocabulary): Query | undefined {
  return queries.find(({ name }) => name === text.trim());
}

/** Tables that a query names, whose columns can be meant. */
export function tablesIn(text: string, { tables }: Vocabulary): Vocabulary['tables'] {
  const words = new Set(text.toLowerCase().match(/\w+/g) ?? []);
  return tables.filter(({ name }) => words.has(name.toLowerCase()));
}

/** Rows as CSV (RFC 4180), as `descent query --format csv` writes them: NULL is an empty field, an empty text `""`. */
export function csvOf({ columns, rows }: Pick<Table, 'columns' | 'rows'>): string {
  const field = (value: Json): string => {
    if (value === null) return '';
    const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
    return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [columns.map(({ name }) => field(name)), ...rows.map((row) => row.map(field))];
  return lines.map((line) => `${line.join(',')}\r\n`).join('');
}
