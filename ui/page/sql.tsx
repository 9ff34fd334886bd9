import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Json } from '../../planner/plan.ts';
import { counted, duration, whole } from '../../words/figures.ts';
import { compareCells } from '../model/models.ts';
import { csvOf, parametersOf, savedQuery } from '../model/sql.ts';
import type { QueryRequest, Table, Vocabulary } from '../protocol.ts';
import { askUntilAnswered, post, Refused } from './api.ts';
import { AskedNote, ProblemNote, useAsked, WhenAsked } from './asked.tsx';
import { type Column, DataTable, type Sort } from './data-table.tsx';
import { openEditor, type SqlEditor } from './editor.ts';
import { choose, lineage, route } from './state.ts';
import { VocabularyList } from './vocabulary-list.tsx';

/** Any question of the results, in SQL. */
export function Sql() {
  const asked = useAsked<Vocabulary>('/api/sql');
  return (
    <>
      <h1 class="unseen">SQL</h1>
      <WhenAsked asked={asked}>{(vocabulary) => <Console vocabulary={vocabulary} />}</WhenAsked>
    </>
  );
}

/** What the last query came to. */
type Outcome =
  | { state: 'none' }
  | { state: 'running' }
  /** Somebody has the results: it is asked again by itself. */
  | { state: 'waiting'; problem: Refused }
  | { state: 'refused'; problem: Refused }
  | { state: 'rows'; table: Table; seconds: number };

function Console({ vocabulary }: { vocabulary: Vocabulary }) {
  const [text, setText] = useState(route.peek().chosen.sql ?? 'summary');
  const [given, setGiven] = useState<Readonly<Record<string, string>>>({});
  const [outcome, setOutcome] = useState<Outcome>({ state: 'none' });
  const editor = useRef<SqlEditor | null>(null);
  const parameters = useMemo(() => parametersOf(text, vocabulary), [text, vocabulary]);
  const saved = savedQuery(text, vocabulary);
  const givenFor = (name: string): string => given[name] ?? (name === 'lineage' ? (lineage.value ?? '') : '');
  const under = useRef(new AbortController());
  const run = async (): Promise<void> => {
    under.current.abort();
    under.current = new AbortController();
    const { signal } = under.current;
    if (saved === undefined) choose({ sql: text }, { replace: true });
    setOutcome({ state: 'running' });
    const own = parameters.map(({ name }) => [name, givenFor(name)] as const).filter(([, value]) => value !== '');
    try {
      const request: QueryRequest = { sql: saved?.name ?? text, parameters: Object.fromEntries(own) };
      const { table, seconds } = await askUntilAnswered(
        async () => {
          const began = performance.now();
          const table = await post<Table>('/api/sql', request, signal);
          return { table, seconds: (performance.now() - began) / 1000 };
        },
        (problem) => signal.aborted || setOutcome({ state: 'waiting', problem }),
        signal,
      );
      setOutcome({ state: 'rows', table, seconds });
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Refused)) throw error;
      setOutcome({ state: 'refused', problem: error });
    }
  };
  // What ships with Descent is quick, and shows what an answer looks like; SQL of a link waits for its reader.
  // Once, with what it begins with.
  useEffect(() => {
    if (saved !== undefined) void run();
    // Nobody waits for what was asked here any more.
    return () => under.current.abort();
  }, []);
  const stop = (): void => {
    under.current.abort();
    setOutcome({ state: 'none' });
  };
  const isUnderWay = outcome.state === 'running' || outcome.state === 'waiting';
  const take = (next: string): void => {
    editor.current?.setText(next);
    editor.current?.focus();
  };
  return (
    <div class="sql-panes">
      <VocabularyList vocabulary={vocabulary} onTake={take} />
      <div class="middle">
        <form
          class="card query"
          onSubmit={(event) => {
            event.preventDefault();
            void run();
          }}
        >
          <Editor vocabulary={vocabulary} text={text} onChange={setText} onRun={run} handle={editor} />
          {saved !== undefined && <p class="soft">{saved.description}</p>}
          {parameters.length > 0 && (
            <fieldset class="parameters" aria-label="Parameters">
              {parameters.map(({ name, default: usual, description, required }) => (
                <label key={name} title={description}>
                  <code>${name}</code>
                  <input
                    value={givenFor(name)}
                    placeholder={usual ?? (required ? 'needed' : '')}
                    onInput={(event) => setGiven({ ...given, [name]: event.currentTarget.value })}
                  />
                </label>
              ))}
            </fieldset>
          )}
          <div class="buttons">
            <button type="submit" class="main" disabled={isUnderWay}>
              {isUnderWay ? 'Running …' : 'Run'}
            </button>
            {isUnderWay && (
              <button type="button" onClick={stop}>
                Stop
              </button>
            )}
            <span class="soft">
              <kbd>Ctrl</kbd> <kbd>Enter</kbd>
            </span>
            <span class="soft number" role="status">
              {outcome.state === 'rows' &&
                `${counted(outcome.table.rows.length, 'row')}${outcome.table.cut ? ' (there are more: add a LIMIT, or descent query has all)' : ''}, ${duration(outcome.seconds)}`}
            </span>
            {outcome.state === 'rows' && <Download table={outcome.table} />}
          </div>
        </form>
        {outcome.state === 'refused' && <ProblemNote problem={outcome.problem} />}
        {outcome.state === 'waiting' && <AskedNote problem={outcome.problem} />}
        {outcome.state === 'rows' && <Rows table={outcome.table} />}
      </div>
    </div>
  );
}

interface EditorProps {
  vocabulary: Vocabulary;
  text: string;
  onChange: (text: string) => void;
  onRun: () => void;
  handle: { current: SqlEditor | null };
}

function Editor({ vocabulary, text, onChange, onRun, handle }: EditorProps) {
  const place = useRef<HTMLDivElement>(null);
  const newest = useRef({ onChange, onRun });
  newest.current = { onChange, onRun };
  // The text it begins with; from then on it has its own.
  useEffect(() => {
    if (place.current === null) return;
    const root = place.current.shadowRoot ?? place.current.attachShadow({ mode: 'open' });
    const editor = openEditor({
      root,
      text,
      vocabulary,
      onChange: (next) => newest.current.onChange(next),
      onRun: () => newest.current.onRun(),
    });
    handle.current = editor;
    return () => {
      handle.current = null;
      editor.remove();
    };
  }, [vocabulary]);
  return <div class="editor" ref={place} />;
}

function Rows({ table }: { table: Table }) {
  const [sort, setSort] = useState<Sort | null>(null);
  const columns = useMemo(
    () =>
      table.columns.map(
        ({ name, type }, at): Column<Json[]> => ({
          id: String(at),
          label: name,
          isNumeric: /INT|DOUBLE|FLOAT|DECIMAL/.test(type),
          text: (row) => cellText(row[at] ?? null),
          draw: (row) => (row[at] === null ? <span class="soft">NULL</span> : cellText(row[at] ?? null)),
        }),
      ),
    [table],
  );
  const rows = useMemo(() => {
    if (sort === null) return table.rows;
    const at = Number(sort.id);
    return table.rows.toSorted((a, b) =>
      compareCells(a[at] ?? null, b[at] ?? null, sort.direction === 'ascending' ? 1 : -1),
    );
  }, [table, sort]);
  return (
    <DataTable caption="Rows" columns={columns} rows={rows} sort={sort} onSort={setSort} keyOf={(_, index) => index} />
  );
}

/** All digits of whole numbers, six of fractions, as `descent query` shows them. */
function cellText(value: Json): string {
  if (value === null) return '';
  if (typeof value === 'number') return Number.isInteger(value) ? whole(value) : String(Number(value.toPrecision(6)));
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function Download({ table }: { table: Table }) {
  const save = (): void => {
    const address = URL.createObjectURL(new Blob([csvOf(table)], { type: 'text/csv' }));
    const link = document.createElement('a');
    link.href = address;
    link.download = 'rows.csv';
    link.click();
    URL.revokeObjectURL(address);
  };
  return (
    <button type="button" onClick={save}>
      CSV
    </button>
  );
}
