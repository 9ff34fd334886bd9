/** A table written as text: a line a row, `|` between its cells. */
export const rows = (text: string): string[][] =>
  text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s*\|\s*/));
/** A list written as text, with commas. */
export const list = (text: string): string[] => text.trim().split(/\s*,\s*/);
