import type { Markup } from './drawings/markup.ts';

/** A report before it has a form: the same for HTML and Markdown. All text in it is plain, and escaped by the form. */
export interface Document {
  title: string;
  /** What it is of, in a sentence. */
  subtitle: string;
  sections: Section[];
}

/** A part of a report with a heading of its own. */
export interface Section {
  title: string;
  blocks: Block[];
}

/** What a section consists of. Markdown has no drawings, so no figure is in a drawing alone but the middle of a curve. */
export type Block =
  | { kind: 'heading'; text: string }
  | { kind: 'paragraph'; text: string }
  | { kind: 'list'; items: string[] }
  | { kind: 'table'; table: Table }
  | { kind: 'drawing'; drawing: Drawing };

/** A table; the first cell of a row names the row. */
export interface Table {
  caption: string;
  columns: Column[];
  rows: string[][];
}

/** A column; one of numbers is set to the right. */
export interface Column {
  name: string;
  isNumeric: boolean;
}

/** An SVG with what it shows in words. */
export interface Drawing {
  caption: string;
  svg: Markup;
}

/** A column of text. */
export function text(name: string): Column {
  return { name, isNumeric: false };
}

/** A column of numbers. */
export function number(name: string): Column {
  return { name, isNumeric: true };
}

/** A table without the columns, from the second on, that are empty in all rows. */
export function tableOf(caption: string, columns: readonly Column[], rows: readonly string[][]): Block {
  const isUsed = columns.map((_, index) => index === 0 || rows.some((row) => row[index] !== ''));
  return {
    kind: 'table',
    table: {
      caption,
      columns: columns.filter((_, index) => isUsed[index]),
      rows: rows.map((row) => row.filter((_, index) => isUsed[index])),
    },
  };
}

/** The heading of a part of a section. */
export function heading(words: string): Block {
  return { kind: 'heading', text: words };
}

/** A paragraph. */
export function paragraph(words: string): Block {
  return { kind: 'paragraph', text: words };
}
