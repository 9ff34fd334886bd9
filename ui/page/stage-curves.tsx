import { useMemo, useState } from 'preact/hooks';
import { ranked } from '../model/curves.ts';
import { formatRoute } from '../model/route.ts';
import type { LineageView } from '../protocol.ts';
import { lineagePath } from './api.ts';
import { ProblemNote } from './asked.tsx';
import { Chart } from './chart.tsx';
import { nodeAt, useLiveCurves } from './live-curves.ts';
import { choose, route } from './state.ts';

/** More lines than these nobody tells apart; the nodes that began last are shown. */
const mostLines = 14;

/** A metric of a stage's nodes, a line each: of the stage that is chosen, else of the one that runs. */
export function StageCurves({ view }: { view: LineageView }) {
  const { chosen } = route.value;
  const stage = stageOf(view, chosen.stage);
  const metric = chosen.metric ?? 'loss';
  const [isLog, setLog] = useState(false);
  const group = view.groups.findIndex(({ name }) => name === stage);
  const { curves, problem } = useLiveCurves(
    stage === null
      ? null
      : lineagePath(view.lineage, `/metrics?${new URLSearchParams({ metric, stage, points: '300' })}`),
    ({ node }) => (view.nodes.group[node] === group ? nodeAt(view, node) : null),
    metric,
    '',
  );
  const lines = useMemo(
    () =>
      (curves ?? []).slice(-mostLines).map(({ key, address, steps, values }) => ({
        name: address,
        steps,
        values,
        href: formatRoute({ ...route.peek(), chosen: { ...chosen, node: key } }),
      })),
    [curves, chosen],
  );
  if (stage === null) return null;
  return (
    <section class="card curves" aria-labelledby="curves-title">
      <div class="bar-of">
        <h2 id="curves-title">Curves of {stage}</h2>
        <label>
          metric{' '}
          <select value={metric} onChange={(event) => choose({ metric: event.currentTarget.value }, { replace: true })}>
            {ranked([...metrics, metric]).map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <label>
          <input type="checkbox" checked={isLog} onChange={(event) => setLog(event.currentTarget.checked)} />{' '}
          logarithmic
        </label>
      </div>
      {problem !== null && <ProblemNote problem={problem} />}
      {curves !== null && lines.length === 0 && (
        <p class="soft">
          No node of {stage} has a {metric} yet.
        </p>
      )}
      {lines.length > 0 && <Chart title={`${metric} over steps`} lines={lines} height={220} isLog={isLog} />}
      {(curves?.length ?? 0) > mostLines && (
        <p class="soft">
          The last {mostLines} of {curves?.length} nodes; a node's own page has its curves.
        </p>
      )}
    </section>
  );
}

const metrics = ['loss', 'reward', 'tokensPerSecond', 'lr', 'gradientNorm'];

/** The stage that is chosen, else one that runs, else the first that is of models. */
function stageOf({ groups, nodes, progress }: LineageView, chosen: string | undefined): string | null {
  if (chosen !== undefined && groups.some(({ name }) => name === chosen)) return chosen;
  const running = progress.map(({ node }) => nodes.group[node] as number).find((group) => group >= 0);
  const trained = groups.findIndex(({ type }) => !/^(tokenizer|data|adopt|overlap)/.test(type));
  return groups[running ?? trained]?.name ?? null;
}
