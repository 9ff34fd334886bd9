import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { dashes } from '../../report/drawings/dashes.ts';
import { figure, whole } from '../../words/figures.ts';
import { lastOf } from '../model/curves.ts';
import { scheme } from './scheme.ts';

/** A line of a chart. */
export interface Line {
  name: string;
  /** Lines of a group have a colour, and dashes tell them apart; without it each has a colour of its own. */
  group?: string;
  steps: readonly number[];
  values: readonly (number | null)[];
  /** What a click on its name leads to. */
  href?: string;
}

/** Lines in colours and dashes of their own, over steps. Dragging over it looks closer, a double click looks at all again. */
export function Chart({
  title,
  lines,
  height = 150,
  isLog = false,
}: {
  title: string;
  lines: readonly Line[];
  height?: number;
  isLog?: boolean;
}) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [at, setAt] = useState<number | null>(null);
  const names = lines.map(({ name, steps }) => `${name} ${steps.length <= fewPoints}`).join('\n');
  const colours = scheme.value;
  // Lines of the same names are the same lines with more points.
  useLayoutEffect(() => {
    if (place.current === null) return;
    const made = new uPlot(
      optionsOf(lines, place.current.clientWidth, height, isLog, setAt),
      aligned(lines, isLog),
      place.current,
    );
    plot.current = made;
    const watcher = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry?.contentRect.width ?? 0);
      if (width > 0 && width !== made.width) made.setSize({ width, height });
    });
    watcher.observe(place.current);
    return () => {
      watcher.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [names, colours, height, isLog]);
  useEffect(() => {
    const own = plot.current;
    if (own === null) return;
    const [before] = own.data;
    const { min, max } = own.scales.x as uPlot.Scale;
    // Who looks closer at a part of it goes on doing so while points come.
    const isWhole = min === before?.[0] && max === before?.[before.length - 1];
    own.setData(aligned(lines, isLog), isWhole || before?.length === 0);
  }, [lines, isLog]);
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <div class="plot" ref={place} aria-hidden="true" />
      <Legend lines={lines} at={at} title={title} />
    </figure>
  );
}

/** The colour and the dashes of each line. */
function looksOf(lines: readonly Line[]): { colour: number; dash: number }[] {
  const groups = [...new Set(lines.map(({ group }) => group))];
  const within = new Map<string | undefined, number>();
  return lines.map(({ group }, index) => {
    const place = within.get(group) ?? 0;
    within.set(group, place + 1);
    const [colour, dash] = groups.length < 2 ? [index, index] : [groups.indexOf(group), place];
    return { colour: colour % dashes.length, dash: dash % dashes.length };
  });
}

/** What the lines are at the pointer, or at their ends: a table, so that nothing is in the drawing alone. */
function Legend({ lines, at, title }: { lines: readonly Line[]; at: number | null; title: string }) {
  const looks = looksOf(lines);
  return (
    <div class="legend">
      <table>
        <caption class="unseen">{title}: the newest values</caption>
        <thead class="unseen">
          <tr>
            <th scope="col">line</th>
            <th scope="col">step</th>
            <th scope="col">value</th>
          </tr>
        </thead>
        <tbody>
          {lines.map((line, index) => {
            const point = at === null ? lastOf(line) : pointAt(line, at);
            return (
              <tr key={line.name}>
                <th scope="row">
                  <Stroke {...(looks[index] as { colour: number; dash: number })} />
                  {line.href === undefined ? line.name : <a href={line.href}>{line.name}</a>}
                </th>
                <td class="number soft">{point === null ? '' : `step ${whole(point.step)}`}</td>
                <td class="number">{point === null ? 'no value' : figure(point.value)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function Stroke({ colour, dash }: { colour: number; dash: number }) {
  return (
    <svg class={`stroke c${colour}`} viewBox="0 0 28 8" aria-hidden="true">
      <path d="M0 4H28" stroke-dasharray={dashes[dash]?.join(' ')} />
    </svg>
  );
}

/** The point at a step, or the last before it. */
function pointAt({ steps, values }: Line, step: number): { step: number; value: number } | null {
  let end = steps.findIndex((one) => one > step);
  if (end < 0) end = steps.length;
  return lastOf({ steps: steps.slice(0, end), values: values.slice(0, end) });
}

/** All lines over all of their steps, as uPlot draws them. What has no logarithm is not drawn where that is the scale. */
function aligned(lines: readonly Line[], isLog: boolean): uPlot.AlignedData {
  const tables = lines.map(({ steps, values }): uPlot.AlignedData => {
    const shown = isLog ? values.map((value) => (value !== null && value > 0 ? value : null)) : [...values];
    return [[...steps], shown];
  });
  return tables.length > 1 ? uPlot.join(tables) : (tables[0] ?? [[]]);
}

/** Distances of the marks below: steps are whole. */
const wholeSteps = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat();

const fewPoints = 20;

function optionsOf(
  lines: readonly Line[],
  width: number,
  height: number,
  isLog: boolean,
  onCursor: (step: number | null) => void,
): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const looks = looksOf(lines);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const axis: uPlot.Axis = {
    stroke: colour('soft'),
    grid: { stroke: colour('rule-soft'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui, sans-serif',
  };
  return {
    width: Math.max(width, 50),
    height,
    legend: { show: false },
    padding: [8, 16, 0, 0],
    cursor: { points: { size: 6 }, drag: { x: true, y: false } },
    scales: { x: { time: false }, y: { distr: isLog ? 3 : 1 } },
    axes: [
      { ...axis, size: 24, incrs: wholeSteps, values: (_, ticks) => ticks.map((tick) => whole(tick)) },
      { ...axis, size: 56, values: (_, ticks) => ticks.map((tick) => (tick === null ? '' : figure(tick))) },
    ],
    series: [
      {},
      ...lines.map(
        ({ name, steps }, index): uPlot.Series => ({
          label: name,
          stroke: colour(`c${looks[index]?.colour}`),
          width: 1.5,
          dash: [...(dashes[looks[index]?.dash ?? 0] ?? [])],
          spanGaps: true,
          // One point alone is no line.
          points: { show: steps.length <= fewPoints, size: 5 },
        }),
      ),
    ],
    hooks: {
      setCursor: [
        ({ cursor, data }) => {
          const { idx } = cursor;
          onCursor(idx === null || idx === undefined ? null : (data[0][idx] ?? null));
        },
      ],
    },
  };
}
