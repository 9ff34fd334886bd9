import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { whole } from '../../words/figures.ts';
import {
  type Box,
  type CellSize,
  cellSizes,
  drawGraph,
  fittingSize,
  inset,
  type Members,
  membersOf,
} from '../model/graph.ts';
import { countStandings } from '../model/standings.ts';
import type { Group, LineageView } from '../protocol.ts';
import { type Cells, cellsOn, type Mark, readPaints } from './cells.ts';
import { scheme } from './scheme.ts';
import { Scrolled } from './scrolled.tsx';
import { StandingCounts } from './standings-bar.tsx';
import { choose, route } from './state.ts';

/** The stages from left to right with a cell for each node. The list beside it has the same for the keyboard. */
export function Graph({ view, marked }: { view: LineageView; marked: ReadonlyMap<number, Mark> }) {
  // All but the standings are the plan's.
  const members = useMemo(() => membersOf(view), [view.plan]);
  const [step, setStep] = useState(() => fittingSize(members));
  // Groups are the plan's.
  const graph = useMemo(() => drawGraph(view.groups, members, cellSizes[step] as CellSize), [members, step]);
  const [tip, setTip] = useState<Tip | null>(null);
  return (
    <section class="graph card" aria-labelledby="graph-title">
      <div class="bar-of">
        <h2 id="graph-title">Stages</h2>
        <span class="soft hint">Squares make models, round cells check them. A broken line is only read.</span>
        <fieldset class="zoom" aria-label="Size of the cells">
          <button type="button" aria-label="Smaller cells" disabled={step === 0} onClick={() => setStep(step - 1)}>
            −
          </button>
          <button
            type="button"
            aria-label="Larger cells"
            disabled={step === cellSizes.length - 1}
            onClick={() => setStep(step + 1)}
          >
            +
          </button>
        </fieldset>
      </div>
      <Scrolled class="scroll" label="Drawing of the stages">
        <div class="canvas" style={{ width: `${graph.width}px`, height: `${graph.height}px` }}>
          <svg class="edges" width={graph.width} height={graph.height} aria-hidden="true">
            {graph.edges.map(({ d, isRead }) => (
              <path key={d} d={d} class={isRead ? 'edge reads' : 'edge'} />
            ))}
          </svg>
          {view.groups.map((group, index) => (
            <Stage
              key={group.name}
              group={group}
              members={members[index] as Members}
              box={graph.boxes[index] as Box}
              step={step}
              view={view}
              marked={marked}
              onTip={setTip}
            />
          ))}
        </div>
      </Scrolled>
      {tip !== null && <TipBox tip={tip} view={view} />}
    </section>
  );
}

/** What the pointer is over, and where that is on the screen. */
interface Tip {
  node: number;
  x: number;
  y: number;
}

interface StageProps {
  group: Group;
  members: Members;
  box: Box;
  step: number;
  view: LineageView;
  marked: ReadonlyMap<number, Mark>;
  onTip: (tip: Tip | null) => void;
}

function Stage({ group, members, box, step, view, marked, onTip }: StageProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const cells = useRef<Cells | null>(null);
  const { standing } = view.nodes;
  const colours = scheme.value;
  // Colours are read from the style, which they choose.
  useLayoutEffect(() => {
    if (canvas.current !== null)
      cells.current = cellsOn(canvas.current, members, box.across, cellSizes[step] as CellSize, readPaints());
  }, [members, box.across, step, colours]);
  useLayoutEffect(() => {
    cells.current?.paint(standing, marked);
  });
  const counts = countStandings(standing, [...members.made, ...members.checks]);
  const nodeAt = (event: MouseEvent) => cells.current?.nodeAt(event.offsetX, event.offsetY) ?? null;
  const chosen = route.value.chosen.stage === group.name;
  return (
    <div
      class={`stage${chosen ? ' chosen' : ''}${counts.failed > 0 ? ' failed' : ''}`}
      style={{ left: `${box.x}px`, top: `${box.y}px`, width: `${box.width}px`, height: `${box.height}px` }}
    >
      <button
        type="button"
        class="name"
        aria-pressed={chosen}
        onClick={() => choose({ stage: chosen ? null : group.name })}
        title={`${group.name}: list its nodes and draw their curves`}
      >
        <span class="of">{group.name}</span>
        <span class="soft">
          {group.name.startsWith(group.type) ? '' : group.type} {whole(members.made.length)}
        </span>
      </button>
      <StandingCounts counts={counts} />
      <div class="cells" aria-hidden="true" style={{ left: `${inset.side}px`, top: `${inset.top}px` }}>
        <canvas
          ref={canvas}
          onPointerMove={(event) => {
            const node = nodeAt(event);
            onTip(node === null ? null : { node, x: event.clientX, y: event.clientY });
          }}
          onPointerLeave={() => onTip(null)}
          onClick={(event) => {
            const node = nodeAt(event);
            if (node !== null) choose({ node: view.nodes.key[node] as string });
          }}
        />
      </div>
    </div>
  );
}

function TipBox({ tip: { node, x, y }, view }: { tip: Tip; view: LineageView }) {
  const progress = view.progress.find((one) => one.node === node);
  const right = x > innerWidth / 2;
  return (
    <div
      class="tip"
      aria-hidden="true"
      style={{ top: `${y + 14}px`, ...(right ? { right: `${innerWidth - x + 4}px` } : { left: `${x + 8}px` }) }}
    >
      <strong>{view.nodes.address[node]}</strong> {view.nodes.standing[node]}
      {progress !== undefined && <div class="soft">{progress.text}</div>}
      {view.reasons[node] !== undefined && <div class="soft">{view.reasons[node]}</div>}
    </div>
  );
}
