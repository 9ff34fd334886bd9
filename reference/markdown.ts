/** A table of Markdown; cells are Markdown, on one line. Columns in which every cell is empty are left out. */
export function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const shown = columns.flatMap((_, at) => (rows.some((cells) => cells[at] !== '') ? [at] : []));
  const row = (cells: readonly string[]) => `| ${shown.map((at) => cell(cells[at] ?? '')).join(' | ')} |`;
  return [row(columns), `|${shown.map(() => '---').join('|')}|`, ...rows.map(row)].join('\n');
}

/** Text as code. */
export function code(text: string): string {
  return `\`${text}\``;
}

/** A link to a heading of the same page. */
export function linkTo(heading: string): string {
  return `[${heading}](#${anchorOf(heading)})`;
}

/** The anchor that GitHub gives a heading. */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}

/** What stands at the top of each page. */
export function page(title: string, intro: string, sections: readonly string[]): string {
  const note = '<!-- Made by `npm run generate`: change what it is made from, not this page. -->';
  return `${[note, `# ${title}`, intro, ...sections].join('\n\n')}\n`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ');
}
