import type { Block, Document, Table } from './document.ts';

/** A report in Markdown (GitHub's, for its tables): the same tables and lists, without drawings. */
export function asMarkdown({ title, subtitle, sections }: Document): string {
  const parts = sections.flatMap(({ title: heading, blocks }) => [`## ${plain(heading)}`, ...blocks.flatMap(block)]);
  return `${[`# ${plain(title)}`, begun(subtitle), ...parts].join('\n\n')}\n`;
}

function block(one: Block): string[] {
  switch (one.kind) {
    case 'heading':
      return [`### ${plain(one.text)}`];
    case 'paragraph':
      return [begun(one.text)];
    case 'list':
      return [one.items.map((item) => `- ${begun(item)}`).join('\n')];
    case 'table':
      return [`**${plain(one.table.caption)}**`, table(one.table)];
    case 'drawing':
      return [];
    default:
      return one satisfies never;
  }
}

function table({ columns, rows }: Table): string {
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    row(columns.map(({ name }) => plain(name))),
    row(columns.map(({ isNumeric }) => (isNumeric ? '---:' : '---'))),
    ...rows.map((cells) => row(cells.map(plain))),
  ].join('\n');
}

/** Text on one line of which nothing is taken for Markdown or HTML; blanks around it would make code of it. */
function plain(text: string): string {
  return text
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .replace(/[\\`*_[\]<>|#~$&]/g, '\\$&');
}

/** The same at the beginning of a line, where it might be taken for a list. */
function begun(text: string): string {
  return plain(text)
    .replace(/^([-+=])/, '\\$1')
    .replace(/^(\d+)([.)])/, '$1\\$2');
}
