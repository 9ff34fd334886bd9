import { useMemo, useState } from 'preact/hooks';
import type { Json } from '../../planner/plan.ts';
import { counted, whole } from '../../words/figures.ts';
import {
  columnsOf,
  filterRows,
  type ModelColumn,
  type ModelRow,
  mainFigures,
  oneByOne,
  overSeeds,
  sortRows,
  unknownColumns,
} from '../model/models.ts';
import { formatRoute } from '../model/route.ts';
import type { LineageView, Table } from '../protocol.ts';
import { lineagePath } from './api.ts';
import { useAsked, WhenAsked } from './asked.tsx';
import { ColumnChoice } from './column-choice.tsx';
import { Compare } from './compare.tsx';
import { type Column, DataTable, type Sort } from './data-table.tsx';
import { figureText } from './figure-text.ts';
import { inWords } from './settings.tsx';
import { arrivals, choose, lineage, route, view } from './state.ts';

/** The evaluated models with what they were made of and how good they are. */
export function Models() {
  const now = view.value;
  const asked = useAsked<Table>(lineagePath(lineage.value ?? '', '/models'), `${arrivals.value} ${now?.counts.done}`);
  if (now === null) return null;
  return (
    <>
      <h1 class="unseen">Models</h1>
      <WhenAsked asked={asked}>
        {(table) =>
          table.rows.length === 0 ? <p class="soft">No model is evaluated yet.</p> : <Loaded table={table} now={now} />
        }
      </WhenAsked>
    </>
  );
}

function Loaded({ table, now }: { table: Table; now: LineageView }) {
  const { text = '', sort: sorted, columns: wanted, seeds } = route.value.chosen;
  const columns = useMemo(() => columnsOf(table), [table]);
  const hasSeeds = useMemo(
    () => overSeeds(table, columns, now.axes).length < table.rows.length,
    [table, columns, now.axes],
  );
  const grouped = hasSeeds && seeds !== 'apart';
  const rows = useMemo(
    () => (grouped ? overSeeds(table, columns, now.axes) : oneByOne(table, columns)),
    [table, columns, grouped, now.axes],
  );
  const sort = parseSort(sorted);
  const found = useMemo(() => {
    const narrowed = filterRows(rows, columns, text);
    const by = parseSort(sorted);
    return by === null ? narrowed : sortRows(narrowed, cellReader(columns, by.id), by.direction);
  }, [rows, columns, text, sorted]);
  const shown = useMemo(() => {
    // Where seeds are together, what tells them apart is in no row.
    const apart = grouped ? now.axes.flatMap(({ name, replicate }) => (replicate ? [`axis_${name}`] : [])) : [];
    return shownColumns(columns, rows, wanted, new Set(apart));
  }, [columns, rows, wanted, grouped, now.axes]);
  const drawn = useMemo(() => drawnColumns(columns, shown, grouped), [columns, shown, grouped]);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const compared = rows.filter(({ name }) => chosen.has(name));
  return (
    <div class="models-pane">
      <search class="filters wide">
        <input
          type="search"
          value={text}
          placeholder="Filter: rl replay=5% id_all_pass_at_1>0.3"
          aria-label="Filter by words, or by columns: replay=5% id_all_pass_at_1>0.3"
          onInput={(event) => choose({ text: event.currentTarget.value }, { replace: true })}
        />
        {hasSeeds && (
          <label>
            <input
              type="checkbox"
              checked={grouped}
              onChange={(event) => choose({ seeds: event.currentTarget.checked ? null : 'apart' }, { replace: true })}
            />{' '}
            seeds together
          </label>
        )}
        <ColumnChoice
          columns={columns}
          shown={shown}
          onChange={(names) => choose({ columns: names?.join(',') ?? null }, { replace: true })}
        />
        <span class="soft number" role="status">
          {counted(found.length, grouped ? 'setting' : 'model')}
          {grouped && `, ${whole(found.reduce((sum, { rows: own }) => sum + own.length, 0))} models`}
          {table.cut && ', cut: SQL has all'}
        </span>
      </search>
      {found.length === 0 && <p class="soft">{noneFound(columns, text)}</p>}
      {compared.length > 0 && <Compare rows={compared} columns={columns} onClear={() => setChosen(new Set())} />}
      <DataTable
        caption={
          grouped ? 'Settings, with means and standard deviations over their seeds' : 'Models, with 95 % intervals'
        }
        columns={drawn}
        rows={found}
        sort={sort}
        onSort={(next) =>
          choose(
            { sort: next === null ? null : `${next.direction === 'descending' ? '-' : ''}${next.id}` },
            { replace: true },
          )
        }
        keyOf={({ name }) => name}
        choice={{
          isChosen: ({ name }) => chosen.has(name),
          nameOf: ({ name }) => name,
          toggle: ({ name }) => {
            const next = new Set(chosen);
            if (!next.delete(name)) next.add(name);
            setChosen(next);
          },
        }}
      />
    </div>
  );
}

/** Why a filter leaves nothing: a name that is no column is looked for in addresses. */
function noneFound(columns: readonly ModelColumn[], text: string): string {
  const unknown = unknownColumns(columns, text);
  if (unknown.length === 0) return 'No model is so.';
  const figure = columns.find(({ kind }) => kind === 'figure')?.name;
  const example = figure === undefined ? '' : `, for example ${figure}`;
  return `No model is so: there is no column ${unknown.join(', ')}. Columns are called as in lineage_wide${example}.`;
}

/** What rows are sorted by: a column's cells, or what is of the row itself. */
function cellReader(columns: readonly ModelColumn[], id: string): (row: ModelRow) => Json {
  if (id === 'model') return ({ name }) => name;
  if (id === 'n') return ({ rows }) => rows.length;
  const at = columns.findIndex(({ name }) => name === id);
  return ({ cells }) => cells[at] ?? null;
}

/** `-id_all_pass_at_1` is the largest first. */
function parseSort(text: string | undefined): Sort | null {
  if (text === undefined) return null;
  return text.startsWith('-') ? { id: text.slice(1), direction: 'descending' } : { id: text, direction: 'ascending' };
}

/** Figures that are shown before somebody chooses: more than these do not fit. */
const figuresAtFirst = 10;

/** Indexes of the columns that are wanted; else the axes, the marks where there are any, and the figures asked for first. */
function shownColumns(
  columns: readonly ModelColumn[],
  rows: readonly ModelRow[],
  wanted: string | undefined,
  apart: ReadonlySet<string>,
): number[] {
  const all = [...columns.keys()];
  if (wanted !== undefined) {
    const names = wanted.split(',');
    return all.filter((at) => names.includes((columns[at] as ModelColumn).name));
  }
  const isUsed = (at: number) => rows.some(({ counts }) => (counts[at] ?? 0) > 0);
  const first = new Set(mainFigures(columns, isUsed).slice(0, figuresAtFirst));
  return all.filter((at) => {
    const { kind, name } = columns[at] as ModelColumn;
    return first.has(at) || (kind === 'axis' && isUsed(at) && !apart.has(name)) || (name === 'marks' && isUsed(at));
  });
}

function drawnColumns(columns: readonly ModelColumn[], shown: readonly number[], grouped: boolean): Column<ModelRow>[] {
  const name: Column<ModelRow> = {
    id: 'model',
    label: 'model',
    isNumeric: false,
    text: (row) => row.name,
    draw: (row) =>
      row.keys.length === 1 ? (
        <a href={formatRoute({ lineage: lineage.peek(), view: 'dag', chosen: { node: row.keys[0] as string } })}>
          {row.name}
        </a>
      ) : (
        row.name
      ),
  };
  const n: Column<ModelRow>[] = grouped
    ? [{ id: 'n', label: 'seeds', isNumeric: true, text: ({ rows }) => whole(rows.length) }]
    : [];
  const others = shown.map((at): Column<ModelRow> => {
    const column = columns[at] as ModelColumn;
    if (column.kind !== 'figure') {
      const { isNumeric } = column;
      return { id: column.name, label: column.label, isNumeric, text: ({ cells }) => inWords(cells[at] ?? null) };
    }
    return { id: column.name, label: column.label, isNumeric: true, text: (row) => figureText(row, column, at) };
  });
  return [name, ...n, ...others];
}
