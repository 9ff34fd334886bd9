import { stripVTControlCharacters } from 'node:util';

/** How one column stands: figures to the right, everything else to the left. */
export type Alignment = 'left' | 'right';

/**
 * Lines up rows of cells in columns, `gap` apart, without borders; colours inside cells take no room. A plan of
 * 10,000 rows has to come out at once, and general table libraries take seconds for that.
 * Cells that hold line feeds are shown on several lines. Trailing blanks are cut.
 */
export function columns(
  rows: readonly (readonly string[])[],
  alignments: readonly Alignment[] = [],
  gap = '  ',
): string {
  const lines = rows.flatMap(splitRow);
  const measured = lines.map((line) => line.map(textWidth));
  const widths: number[] = [];
  for (const line of measured)
    for (let index = 0; index < line.length; index++)
      widths[index] = Math.max(widths[index] ?? 0, line[index] as number);
  const shown = lines.map((line, row) => {
    const padded = line.map((cell, index) => {
      const blanks = ' '.repeat((widths[index] as number) - (measured[row]?.[index] as number));
      return alignments[index] === 'right' ? blanks + cell : cell + blanks;
    });
    return padded.join(gap).trimEnd();
  });
  return shown.join('\n');
}

/** What of a table may go where a line is too narrow for it. */
export interface Spare {
  /** Columns that are left out, each group only where all before it were not enough. */
  drop: readonly (readonly number[])[];
  /** Columns without colours that are cut short where even that is not enough, one after another, each to `least` cells. */
  shorten: readonly { column: number; least: number }[];
}

/** Rows of cells, and how their columns stand. */
export interface Table {
  rows: readonly (readonly string[])[];
  alignments: readonly Alignment[];
}

/** The same table, of which `columns` makes lines of at most `width` cells, as far as what is `spare` allows. */
export function fitColumns(table: Table, width: number, { drop, shorten }: Spare, gap = '  '): Table {
  if (!Number.isFinite(width)) return table;
  const { rows, alignments } = table;
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, index) => {
      const widest = Math.max(...cell.split('\n').map(textWidth));
      widths[index] = Math.max(widths[index] ?? 0, widest);
    });
  const over = () => widths.reduce((sum, one) => sum + one + gap.length, -gap.length) - width;
  const gone = new Set<number>();
  for (const group of drop) {
    if (over() <= 0) break;
    for (const column of group) {
      gone.add(column);
      widths[column] = -gap.length;
    }
  }
  for (const { column, least } of shorten) {
    const before = widths[column] ?? 0;
    if (over() > 0) widths[column] = Math.min(before, Math.max(least, before - over()));
  }
  const cut = new Set(shorten.map(({ column }) => column));
  const fit = (row: readonly string[]): string[] =>
    row
      .map((cell, index) => (cut.has(index) ? cutTo(widths[index] as number, cell) : cell))
      .filter((_, index) => !gone.has(index));
  return { rows: rows.map(fit), alignments: alignments.filter((_, index) => !gone.has(index)) };
}

/** A text whose lines have at most `width` cells: what does not fit ends in `…`. */
export function cutTo(width: number, text: string): string {
  const cutLine = (line: string): string => {
    if (textWidth(line) <= width) return line;
    let kept = '';
    for (const { segment } of segmenter.segment(line)) {
      if (textWidth(kept + segment) >= width) break;
      kept += segment;
    }
    return `${kept.trimEnd()}…`;
  };
  return text.split('\n').map(cutLine).join('\n');
}

/** Terminal cells that a text takes: control sequences none, East Asian characters and emoji two, others one. */
export function textWidth(text: string): number {
  if (PLAIN.test(text)) return text.length;
  const shown = stripVTControlCharacters(text);
  if (PLAIN.test(shown)) return shown.length;
  let width = 0;
  for (const { segment } of segmenter.segment(shown)) width += WIDE.test(segment) ? 2 : 1;
  return width;
}

const segmenter = new Intl.Segmenter();
/** Latin letters, digits and signs, arrows and operators (`≤`), none of them combining or wide. */
const PLAIN = /^[ -~\u00a0-\u02ff\u2190-\u22ff]*$/;
const WIDE =
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303f\uff01-\uff60\p{Emoji_Presentation}]/u;

function splitRow(row: readonly string[]): string[][] {
  if (!row.some((cell) => cell.includes('\n'))) return [[...row]];
  const cells = row.map((cell) => cell.split('\n'));
  const height = Math.max(...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, index) => cells.map((lines) => lines[index] ?? ''));
}
