import { useMemo, useState } from 'preact/hooks';
import type { NodeView } from '../protocol.ts';
import type { Mark } from './cells.ts';
import { Graph } from './graph.tsx';
import { NodeList } from './node-list.tsx';
import { NodePanel } from './node-panel.tsx';
import { Running } from './running.tsx';
import { StageCurves } from './stage-curves.tsx';
import { StandingFilters } from './standing-filters.tsx';
import { StandingsBar } from './standings-bar.tsx';
import { route, view } from './state.ts';

/** The lineage alive: how its nodes stand, what runs, and one node in full. */
export function Dag() {
  const now = view.value;
  const { node: key } = route.value.chosen;
  const [opened, setOpened] = useState<NodeView | null>(null);
  // Keys are the plan's.
  const indexOf = useMemo(() => new Map(now?.nodes.key.map((one, index) => [one as string, index])), [now?.plan]);
  const marked = useMemo(() => marksOf(key, opened, indexOf), [key, opened, indexOf]);
  if (now === null) return null;
  return (
    <>
      <h1 class={now.title === null ? 'unseen' : 'title'}>{now.title ?? now.lineage}</h1>
      <div class={key === undefined ? 'panes' : 'panes with-panel'}>
        <NodeList view={now} />
        <div class="middle">
          <section class="card summary" aria-label="Standings">
            <StandingsBar counts={now.counts} />
            <StandingFilters counts={now.counts} />
            {now.note !== null && <p class="soft">{now.note}</p>}
          </section>
          <Graph view={now} marked={marked} />
          {(now.running || now.progress.length > 0) && <Running view={now} />}
          <StageCurves view={now} />
        </div>
        {key !== undefined && (
          <NodePanel key={key} nodeKey={key} index={indexOf.get(key) ?? null} onOpened={setOpened} />
        )}
      </div>
    </>
  );
}

/** The cells that get a ring: the node that is looked at, what it needs, and what needs it. */
function marksOf(
  key: string | undefined,
  opened: NodeView | null,
  indexOf: ReadonlyMap<string, number>,
): ReadonlyMap<number, Mark> {
  const marks = new Map<number, Mark>();
  if (key === undefined) return marks;
  const mark = (other: string, as: Mark) => {
    const index = indexOf.get(other);
    if (index !== undefined) marks.set(index, as);
  };
  if (opened?.key === key) for (const { key: other } of [...opened.needs, ...opened.neededBy]) mark(other, 'related');
  mark(key, 'chosen');
  return marks;
}
