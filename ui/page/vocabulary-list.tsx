import { useState } from 'preact/hooks';
import type { Vocabulary } from '../protocol.ts';
import { Scrolled } from './scrolled.tsx';

/** What can be asked: saved queries, and tables with their columns. */
export function VocabularyList({ vocabulary, onTake }: { vocabulary: Vocabulary; onTake: (text: string) => void }) {
  const [text, setText] = useState('');
  const has = (...texts: string[]) => texts.some((one) => one.toLowerCase().includes(text.toLowerCase()));
  const queries = vocabulary.queries.filter(({ name, description }) => has(name, description));
  const tables = vocabulary.tables.filter(({ name, columns }) => has(name, ...columns.map((column) => column.name)));
  return (
    <aside class="vocabulary card" aria-label="What can be asked">
      <search class="filters">
        <input
          type="search"
          value={text}
          placeholder="Find a query, table or column"
          aria-label="Find a query, table or column"
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </search>
      <Scrolled class="scroll" label="Queries and tables">
        <Queries title="Saved queries" queries={queries.filter(({ name }) => !isOfPaper(name))} onTake={onTake} />
        <Queries
          title="As EvoLM's paper has it"
          queries={queries.filter(({ name }) => isOfPaper(name))}
          onTake={onTake}
        />
        <h2>Tables</h2>
        <ul>
          {tables.map((table) => (
            <TableItem key={table.name} table={table} onTake={onTake} />
          ))}
        </ul>
      </Scrolled>
    </aside>
  );
}

/** Named after the tables and figures of the paper. */
function isOfPaper(name: string): boolean {
  return /^(figure|table)\d/.test(name);
}

function Queries({
  title,
  queries,
  onTake,
}: {
  title: string;
  queries: Vocabulary['queries'];
  onTake: (text: string) => void;
}) {
  if (queries.length === 0) return null;
  return (
    <>
      <h2>{title}</h2>
      <ul>
        {queries
          .toSorted((a, b) => numerically.compare(a.name, b.name))
          .map(({ name, description }) => (
            <li key={name}>
              <button type="button" class="link" title={description} onClick={() => onTake(name)}>
                {name}
              </button>
            </li>
          ))}
      </ul>
    </>
  );
}

const numerically = new Intl.Collator('en', { numeric: true });

function TableItem({
  table: { name, kind, comment, columns },
  onTake,
}: {
  table: Vocabulary['tables'][number];
  onTake: (text: string) => void;
}) {
  return (
    <li>
      <details>
        <summary>
          <span class="mono">{name}</span> <span class="soft">{kind}</span>
        </summary>
        <p class="soft">{comment}</p>
        <button type="button" class="link" onClick={() => onTake(`SELECT *\nFROM ${name}\nLIMIT 100`)}>
          Look at its rows
        </button>
        <dl>
          {columns.map((column) => (
            <div key={column.name} title={column.comment}>
              <dt class="mono">{column.name}</dt>
              <dd class="soft">{column.type.toLowerCase()}</dd>
            </div>
          ))}
        </dl>
      </details>
    </li>
  );
}
