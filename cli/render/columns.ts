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
