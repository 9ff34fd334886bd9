import { counted } from '../../words/figures.ts';
import type { ModelColumn, ModelRow } from '../model/models.ts';
import type { Curve } from '../protocol.ts';
import { ask, nodePath } from './api.ts';
import { AskedNote, useAnswer } from './asked.tsx';
import { Chart } from './chart.tsx';
import { figureText } from './figure-text.ts';
import { Scrolled } from './scrolled.tsx';
import { inWords } from './settings.tsx';
import { lineage } from './state.ts';

/** Models side by side: the settings in which they differ, all figures, and their curves of loss. */
export function Compare({
  rows,
  columns,
  onClear,
}: {
  rows: readonly ModelRow[];
  columns: readonly ModelColumn[];
  onClear: () => void;
}) {
  const at = [...columns.keys()];
  const differs = (one: number) => new Set(rows.map(({ cells }) => JSON.stringify(cells[one]))).size > 1;
  const settings = at.filter((one) => ['axis', 'setting'].includes((columns[one] as ModelColumn).kind) && differs(one));
  const figures = at.filter((one) => columns[one]?.kind === 'figure' && rows.some(({ cells }) => cells[one] !== null));
  const line = (one: number, text: (row: ModelRow) => string) => (
    <tr key={one}>
      <th scope="row">{columns[one]?.label}</th>
      {rows.map((row) => (
        <td key={row.name} class="number">
          {text(row) || <span class="soft">–</span>}
        </td>
      ))}
    </tr>
  );
  return (
    <section class="card compare" aria-labelledby="compare-title">
      <div class="bar-of">
        <h2 id="compare-title">{counted(rows.length, 'model')} side by side</h2>
        <button type="button" onClick={onClear}>
          Compare none
        </button>
      </div>
      <div class="beside">
        <Scrolled class="table" label="Models side by side">
          <table>
            <thead>
              <tr>
                <th scope="col">
                  <span class="unseen">setting or figure</span>
                </th>
                {rows.map(({ name }) => (
                  <th key={name} scope="col" class="number">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>{figures.map((one) => line(one, (row) => figureText(row, columns[one] as ModelColumn, one)))}</tbody>
            <tbody>{settings.map((one) => line(one, ({ cells }) => inWords(cells[one] ?? null)))}</tbody>
          </table>
        </Scrolled>
        <Losses rows={rows} />
      </div>
    </section>
  );
}

/** Curves of more than these nobody tells apart. */
const mostLines = 14;

function Losses({ rows }: { rows: readonly ModelRow[] }) {
  const groups = new Map(rows.flatMap(({ name, keys }) => keys.map((key) => [key, name])));
  const { value, problem } = useAnswer([...groups.keys()].slice(0, mostLines).join(' '), lossesOf);
  if (problem !== null) return <AskedNote problem={problem} />;
  if (value === null || value.length === 0) return null;
  const lines = value.map(({ key, address, steps, values }) => ({
    name: address,
    group: groups.get(key) ?? address,
    steps,
    values,
  }));
  return <Chart title="loss over steps" lines={lines} height={220} />;
}

async function lossesOf(keys: string, signal: AbortSignal): Promise<Curve[]> {
  const curvesOf = (key: string) =>
    ask<Curve[]>(nodePath(lineage.peek() ?? '', key, '/metrics', { metric: 'loss', points: '200' }), signal);
  return (await Promise.all(keys.split(' ').map(curvesOf))).flat();
}
