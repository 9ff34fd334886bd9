import type { Block, Document, Drawing, Table } from './document.ts';
import { element, fragment, type Markup } from './drawings/markup.ts';
import { style } from './style.ts';

/**
 * A report as one HTML file. It has no scripts and asks for nothing: its policy lets a browser load nothing, whatever is in
 * it. Tables have captions and headers of rows and columns, drawings their words, and both colour schemes are there.
 */
export function asHtml({ title, subtitle, sections }: Document): string {
  const named = sections.map((section, index) => ({ ...section, id: `section-${index + 1}` }));
  const page = element(
    'html',
    { lang: 'en' },
    element(
      'head',
      {},
      element('meta', { charset: 'utf-8' }),
      element('meta', {
        'http-equiv': 'Content-Security-Policy',
        content: "default-src 'none'; style-src 'unsafe-inline'",
      }),
      element('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
      element('meta', { name: 'color-scheme', content: 'light dark' }),
      element('title', {}, title),
      element('style', {}, { markup: style }),
    ),
    element(
      'body',
      {},
      element('header', {}, element('h1', {}, title), element('p', {}, together(subtitle))),
      element(
        'nav',
        { 'aria-label': 'Sections' },
        element('ul', {}, ...named.map((one) => element('li', {}, element('a', { href: `#${one.id}` }, one.title)))),
      ),
      element(
        'main',
        {},
        ...named.map(({ id, title: heading, blocks }) =>
          element(
            'section',
            { id, 'aria-labelledby': `${id}-title` },
            element('h2', { id: `${id}-title` }, heading),
            ...blocks.map(block),
          ),
        ),
      ),
    ),
  );
  return `<!doctype html>\n${page.markup}\n`;
}

function block(one: Block): Markup {
  switch (one.kind) {
    case 'heading':
      return element('h3', {}, one.text);
    case 'paragraph':
      return element('p', {}, together(one.text));
    case 'list':
      return element('ul', {}, ...one.items.map((item) => element('li', {}, together(item))));
    case 'table':
      return table(one.table);
    case 'drawing':
      return drawing(one.drawing);
    default:
      return one satisfies never;
  }
}

/** Wide tables scroll in a region of their own, which keys reach; short ones are on one page of paper. */
function table({ caption, columns, rows }: Table): Markup {
  const classOf = (column: number) => (columns[column]?.isNumeric ? 'number' : null);
  const head = columns.map(({ name }, column) => element('th', { scope: 'col', class: classOf(column) }, name));
  const body = rows.map((row) =>
    element(
      'tr',
      {},
      ...row.map((cell, column) =>
        column === 0
          ? element('th', { scope: 'row' }, together(cell))
          : element('td', { class: classOf(column) }, together(cell)),
      ),
    ),
  );
  return element(
    'div',
    {
      class: rows.length <= shortTable ? 'table short' : 'table',
      role: 'region',
      tabindex: '0',
      'aria-label': caption,
    },
    element(
      'table',
      {},
      element('caption', {}, element('span', {}, together(caption))),
      element('thead', {}, element('tr', {}, ...head)),
      fragment('\n', element('tbody', {}, ...body.flatMap((row) => [row, '\n']))),
    ),
  );
}

const shortTable = 15;

/** Wide drawings scroll too, so that what is written in them can be read. */
function drawing({ caption, svg }: Drawing): Markup {
  return fragment(
    '\n',
    element(
      'figure',
      {},
      element('div', { class: 'drawing', tabindex: '0' }, svg),
      element('figcaption', {}, together(caption)),
    ),
  );
}

/** A text in which no line ends between a number and its unit, or within an interval. */
function together(words: string): string {
  return words.replace(/(\d) (%|pp)/g, '$1\u00a0$2').replace(/(\[[^\s[\]]+,) (?=[^\s[\]]+\])/g, '$1\u00a0');
}
