import type { ComponentChildren } from 'preact';
import { useMemo, useRef } from 'preact/hooks';
import { Scrolled } from './scrolled.tsx';
import { useWindowed } from './windowed.ts';

/** A column of a table. */
export interface Column<Row> {
  id: string;
  label: string;
  isNumeric: boolean;
  /** What a cell says. */
  text: (row: Row) => string;
  /** What is drawn of it in place of its text. */
  draw?: (row: Row) => ComponentChildren;
}

/** By which column rows are sorted, and which way. */
export interface Sort {
  id: string;
  direction: 'ascending' | 'descending';
}

interface DataTableProps<Row> {
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  /** Null where rows stay as they are. */
  sort: Sort | null;
  onSort: (sort: Sort | null) => void;
  keyOf: (row: Row, index: number) => string | number;
  /** Rows that can be chosen have a box for it. */
  choice?: { isChosen: (row: Row) => boolean; toggle: (row: Row) => void; nameOf: (row: Row) => string };
}

const rowHeight = 28;
const headHeight = 32;
/** Widths are guessed from this many rows, so that they stay when others come into sight. */
const measuredRows = 200;

/** A table of any length: only the rows that are seen are in the page, and the first cell of each names it. */
export function DataTable<Row>({ caption, columns, rows, sort, onSort, keyOf, choice }: DataTableProps<Row>) {
  const scroller = useRef<HTMLElement>(null);
  const { first, end } = useWindowed(scroller, rows.length, rowHeight, headHeight);
  const widths = useMemo(() => columns.map((column) => widthOf(column, rows)), [columns, rows]);
  const all = columns.length + (choice === undefined ? 0 : 1);
  const above = first * rowHeight;
  const below = (rows.length - end) * rowHeight;
  return (
    <Scrolled class="scroll data" label={caption} handle={scroller}>
      <table
        aria-rowcount={rows.length + 1}
        style={{ width: `${widths.reduce((sum, width) => sum + width, choice ? 34 : 0)}px` }}
      >
        <caption class="unseen">{caption}</caption>
        <colgroup>
          {choice !== undefined && <col style={{ width: '34px' }} />}
          {columns.map(({ id }, index) => (
            <col key={id} style={{ width: `${widths[index]}px` }} />
          ))}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {choice !== undefined && (
              <th scope="col">
                <span class="unseen">chosen</span>
              </th>
            )}
            {columns.map(({ id, label, isNumeric }) => (
              <th
                key={id}
                scope="col"
                class={isNumeric ? 'number' : ''}
                aria-sort={sort?.id === id ? sort.direction : undefined}
              >
                <button type="button" title={label} onClick={() => onSort(nextSort(sort, id, isNumeric))}>
                  {label}
                  <span aria-hidden="true" class="arrow">
                    {sort?.id !== id ? '' : sort.direction === 'ascending' ? '▲' : '▼'}
                  </span>
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {above > 0 && (
            // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a row that is no more than a distance; nothing in it has the focus
            <tr class="space" aria-hidden="true" style={{ height: `${above}px` }}>
              <td colSpan={all} />
            </tr>
          )}
          {rows.slice(first, end).map((row, place) => {
            const index = first + place;
            return (
              <tr key={keyOf(row, index)} aria-rowindex={index + 2} class={choice?.isChosen(row) ? 'chosen' : ''}>
                {choice !== undefined && (
                  <td>
                    <input
                      type="checkbox"
                      checked={choice.isChosen(row)}
                      aria-label={`Compare ${choice.nameOf(row)}`}
                      onChange={() => choice.toggle(row)}
                    />
                  </td>
                )}
                {columns.map((column, place) => {
                  const text = column.text(row);
                  const content = column.draw === undefined ? text : column.draw(row);
                  const kind = column.isNumeric ? 'number' : '';
                  return place === 0 ? (
                    <th key={column.id} scope="row" class={kind} title={text}>
                      {content}
                    </th>
                  ) : (
                    <td key={column.id} class={kind} title={text}>
                      {content}
                    </td>
                  );
                })}
              </tr>
            );
          })}
          {below > 0 && (
            // biome-ignore lint/a11y/noAriaHiddenOnFocusable: as above
            <tr class="space" aria-hidden="true" style={{ height: `${below}px` }}>
              <td colSpan={all} />
            </tr>
          )}
        </tbody>
      </table>
    </Scrolled>
  );
}

/** Numbers are asked for the largest first, words from the beginning; a third time leaves the order to the server. */
function nextSort(sort: Sort | null, id: string, isNumeric: boolean): Sort | null {
  const [first, second] = isNumeric ? (['descending', 'ascending'] as const) : (['ascending', 'descending'] as const);
  if (sort?.id !== id) return { id, direction: first };
  return sort.direction === first ? { id, direction: second } : null;
}

/** A width in pixels that the longest of the first texts fits in, within reason. */
function widthOf<Row>({ label, text }: Column<Row>, rows: readonly Row[]): number {
  const longest = rows.slice(0, measuredRows).reduce((most, row) => {
    const own = text(row);
    return own.length > most.length ? own : most;
  }, '');
  return Math.ceil(Math.min(420, Math.max(48, widthIn('13px', longest) + 22, widthIn('600 13px', label) + 36)));
}

const ruler = document.createElement('canvas').getContext('2d') as CanvasRenderingContext2D;

function widthIn(font: string, text: string): number {
  ruler.font = `${font} ${getComputedStyle(document.body).fontFamily}`;
  return ruler.measureText(text).width;
}
