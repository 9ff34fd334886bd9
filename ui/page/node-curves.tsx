import { useMemo, useState } from 'preact/hooks';
import { figure, whole } from '../../words/figures.ts';
import { lastOf, ranked } from '../model/curves.ts';
import type { Curve, NodeView } from '../protocol.ts';
import { nodePath } from './api.ts';
import { AskedNote } from './asked.tsx';
import { Chart } from './chart.tsx';
import { useLiveCurves } from './live-curves.ts';
import { lineage, view } from './state.ts';

/** Charts that are drawn before somebody asks for the others. */
const shownAtFirst = 2;

/** The curves of a node, a chart each, what is learned first. They grow while it runs. */
export function NodeCurves({ node, isRunning }: { node: NodeView; isRunning: boolean }) {
  const [all, setAll] = useState(false);
  const { curves, problem } = useLiveCurves(
    isRunning || node.metrics.length > 0
      ? nodePath(lineage.value ?? '', node.key, '/metrics', { points: '300' })
      : null,
    (points) => (view.value?.nodes.key[points.node] === node.key ? { key: node.key, address: node.address } : null),
    null,
    isRunning,
  );
  const sorted = useMemo(() => {
    const byMetric = new Map((curves ?? []).map((curve) => [curve.metric, curve]));
    return ranked([...byMetric.keys()]).map((metric) => byMetric.get(metric) as Curve);
  }, [curves]);
  if (sorted.length === 0) return problem === null ? null : <AskedNote problem={problem} />;
  const drawn = all ? sorted : sorted.slice(0, shownAtFirst);
  return (
    <>
      <h3>Curves</h3>
      {problem !== null && <AskedNote problem={problem} />}
      <div class="charts">
        {drawn.map((curve) => (
          <NodeChart key={curve.metric} curve={curve} />
        ))}
      </div>
      {sorted.length > shownAtFirst && (
        <button type="button" class="link" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? 'Fewer curves' : `All ${whole(sorted.length)} curves`}
        </button>
      )}
    </>
  );
}

function NodeChart({ curve }: { curve: Curve }) {
  const { metric, steps, values } = curve;
  const lines = useMemo(() => [{ name: metric, steps, values }], [metric, steps, values]);
  const last = lastOf(curve);
  return (
    <Chart
      title={last === null ? metric : `${metric} ${figure(last.value)} at step ${whole(last.step)}`}
      lines={lines}
      height={120}
    />
  );
}
