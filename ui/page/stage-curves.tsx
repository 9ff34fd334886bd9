import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { NodeType } from '../../planner/plan.ts';
import { ranked } from '../model/curves.ts';
import { checks } from '../model/graph.ts';
import { settingOf } from '../model/models.ts';
import { formatRoute } from '../model/route.ts';
import type { LineageView, NodeView } from '../protocol.ts';
import { lineagePath, nodePath } from './api.ts';
import { AskedNote, useAsked } from './asked.tsx';
import { Chart } from './chart.tsx';
import { nodeAt, useLiveCurves } from './live-curves.ts';
import { arrivals, choose, onChange, route } from './state.ts';

/** More lines than these nobody tells apart; the nodes that began last are shown. */
const mostLines = 14;

/** A metric of a stage's nodes, a line each: of the stage that is chosen, else of the one that runs. */
export function StageCurves({ view }: { view: LineageView }) {
  const { chosen } = route.value;
  const before = useRef<string | null>(null);
  const stage = stageOf(view, chosen.stage, before.current);
  before.current = stage;
  const [isLog, setLog] = useState(false);
  const group = view.groups.findIndex(({ name }) => name === stage);
  const metrics = useMetrics(view, group);
  const metric = chosen.metric ?? metrics?.[0];
  const { curves, problem } = useLiveCurves(
    stage === null || metric === undefined
      ? null
      : lineagePath(view.lineage, `/metrics?${new URLSearchParams({ metric, stage, points: '300' })}`),
    ({ node }) => (view.nodes.group[node] === group ? nodeAt(view, node) : null),
    metric ?? null,
    '',
  );
  const lines = useMemo(
    () =>
      (curves ?? []).slice(-mostLines).map(({ key, address, steps, values }) => ({
        name: address,
        group: settingOf(address, view.axes),
        steps,
        values,
        href: formatRoute({ ...route.peek(), chosen: { ...chosen, node: key } }),
      })),
    [curves, chosen, view.axes],
  );
  if (stage === null) return null;
  const isAsking = metric === undefined ? metrics === null : curves === null;
  return (
    <section class="card curves" aria-labelledby="curves-title">
      <div class="bar-of">
        <h2 id="curves-title">Curves of {stage}</h2>
        {metric !== undefined && (
          <label>
            metric{' '}
            <select
              value={metric}
              onChange={(event) => choose({ metric: event.currentTarget.value }, { replace: true })}
            >
              {ranked([...(metrics ?? []), metric]).map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          </label>
        )}
        {metric !== undefined && (
          <label>
            <input type="checkbox" checked={isLog} onChange={(event) => setLog(event.currentTarget.checked)} />{' '}
            logarithmic
          </label>
        )}
      </div>
      {problem !== null && <AskedNote problem={problem} />}
      {lines.length === 0 && problem === null && (
        <p class="soft">{isAsking ? 'Asking …' : `No node of ${stage} has curves${view.running ? ' yet' : ''}.`}</p>
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

/**
 * The metrics of a group's nodes, in the order that one asks for them: those of one that began, and those that come; null
 * until it is known which.
 */
function useMetrics(view: LineageView, group: number): string[] | null {
  const { nodes } = view;
  const begun = nodes.standing.findIndex(
    (standing, node) =>
      nodes.group[node] === group && makes(view, node) && standing !== 'waiting' && standing !== 'blocked',
  );
  const key = nodes.key[begun];
  const { value, problem } = useAsked<NodeView>(key === undefined ? null : nodePath(view.lineage, key), arrivals.value);
  const [come, setCome] = useState<{ group: number; metrics: ReadonlySet<string> }>({ group, metrics: new Set() });
  useEffect(() => {
    setCome({ group, metrics: new Set() });
    return onChange((change) => {
      if (change.kind !== 'points' || nodes.group[change.node] !== group) return;
      const names = Object.keys(change.values);
      setCome((before) =>
        names.every((name) => before.metrics.has(name))
          ? before
          : { group, metrics: new Set([...before.metrics, ...names]) },
      );
    });
  }, [nodes.group, group]);
  const metrics = ranked([...(value?.metrics ?? []), ...(come.group === group ? come.metrics : [])]);
  return metrics.length === 0 && key !== undefined && value === null && problem === null ? null : metrics;
}

/** The stage that is chosen, else the last that trains; while none does the one `before`, else the last that has trained. */
function stageOf(view: LineageView, chosen: string | undefined, before: string | null): string | null {
  const { groups, nodes, progress } = view;
  if (chosen !== undefined && groups.some(({ name }) => name === chosen)) return chosen;
  const training = progress.findLast(({ node, share }) => share !== null && makes(view, node))?.node;
  if (training === undefined && groups.some(({ name }) => name === before)) return before;
  const trained = nodes.standing.findLastIndex((one, node) => /^(done|interrupted)$/.test(one) && makes(view, node));
  return groups[nodes.group[training ?? trained] ?? 0]?.name ?? null;
}

/** Whether a node makes something, and does not check it. */
function makes({ nodes, types }: LineageView, node: number): boolean {
  return !checks.has(types[nodes.type[node] as number] as NodeType);
}
