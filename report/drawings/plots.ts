import { type ScaleLinear, scaleLinear } from 'd3-scale';
import { line, type SymbolType, symbol, symbolsFill } from 'd3-shape';
import { figure } from '../../words/figures.ts';
import { dashes } from './dashes.ts';
import { type Child, element, fragment, type Markup, tenth } from './markup.ts';

/** A line of a plot. */
export interface Series {
  name: string;
  /** By x. */
  points: { x: number; y: number }[];
}

/** A row of an interval plot. Ends of the interval, and what guessing scores, are null where there is none. */
export interface IntervalRow {
  name: string;
  /** What the row's symbol stands for. */
  group: string;
  value: number;
  low: number | null;
  high: number | null;
  chance: number | null;
  majority: number | null;
}

/** Lines that a plot can tell apart without colour: each has a symbol and a pattern of dashes of its own. */
export const mostSeries = symbolsFill.length;

const width = 720;
const rowHeight = 18;
const left = 60;
/** Of a letter in a drawing, in fonts that are wide. */
const characterWidth = 7.6;

/** The ranges of lines, so that several plots can have the same. */
export interface Scales {
  x: [number, number];
  y: [number, number];
}

/** The ranges that some lines take. */
export function scalesOf(series: readonly Series[]): Scales {
  const points = series.flatMap((one) => one.points);
  return { x: extent(points.map((point) => point.x)), y: extent(points.map((point) => point.y)) };
}

/** Lines over an axis, with symbols and dashes, and below it what each stands for. At most `mostSeries`. */
export function linePlot(
  label: string,
  xName: string,
  yName: string,
  series: readonly Series[],
  scales: Scales = scalesOf(series),
): Markup {
  const bottom = 260;
  const x = scaleLinear(scales.x, [left, width - 20]);
  const y = scaleLinear(scales.y, [bottom, 20]).nice();
  const drawn = series.map(({ points: own }, index) => {
    const at = own.map((point): [number, number] => [round(x(point.x)), round(y(point.y))]);
    const every = Math.max(1, Math.ceil(own.length / 8));
    const marked = at.filter((_, place) => (at.length - 1 - place) % every === 0);
    return fragment(stroke(line()(at) ?? '', index), ...marked.map(([cx, cy]) => sign(index, cx, cy)));
  });
  const legend = series.map(({ name }, index) => {
    const cy = bottom + 58 + index * rowHeight;
    return fragment(
      stroke(`M${left},${cy}L${left + 48},${cy}`, index),
      sign(index, left + 24, cy),
      words(shortened(name, 90), left + 58, cy + 4),
    );
  });
  return drawing('plot', label, bottom + 58 + series.length * rowHeight, [
    grid(x, 'x', bottom, 20),
    grid(y, 'y', left, width - 20),
    words(xName, (left + width) / 2, bottom + 36, 'middle'),
    words(yName, left, 12),
    ...drawn,
    ...legend,
  ]);
}

/**
 * A row for each figure: a symbol, a whisker for its interval, and ticks where guessing stands (dashed chance, dotted
 * majority). Where there are several plots of some rows, `all` are those of them all: the scale and the symbols are theirs.
 */
export function intervalPlot(
  label: string,
  xName: string,
  rows: readonly IntervalRow[],
  all: readonly IntervalRow[] = rows,
): Markup {
  const names = 20 + characterWidth * all.reduce((most, { name }) => Math.max(most, [...rowName(name)].length), 0);
  const bottom = 20 + rows.length * rowHeight;
  const groups = [...new Set(all.map(({ group }) => group))];
  const values = all.flatMap(({ value, low, high, chance, majority }) => [value, low, high, chance, majority]);
  const x = scaleLinear(extent(values.filter((value) => value !== null)), [names, width - 20]).nice();
  const drawn = rows.map(({ name, group, value, low, high, chance, majority }, row) => {
    const cy = 20 + (row + 0.5) * rowHeight;
    const tick = (at: number | null, kind: string): Child =>
      at === null ? null : element('path', { class: kind, d: `M${tenth(x(at))},${tenth(cy - 8)}V${tenth(cy + 8)}` });
    return fragment(
      element('g', {}, element('title', {}, name), words(rowName(name), names - 10, cy + 4, 'end')),
      tick(chance, 'chance'),
      tick(majority, 'majority'),
      low === null || high === null
        ? null
        : element('path', { class: 'whisker', d: `M${tenth(x(low))},${tenth(cy)}H${tenth(x(high))}` }),
      sign(groups.indexOf(group), x(value), cy),
    );
  });
  const hasInterval = rows.some(({ low }) => low !== null);
  const ticks = [
    ...(hasInterval ? ['line: 95 % interval'] : []),
    ...(rows.some(({ chance }) => chance !== null) ? ['dashed: chance'] : []),
    ...(rows.some(({ majority }) => majority !== null) ? ['dotted: majority'] : []),
  ].join('; ');
  const legend =
    groups.length < 2
      ? []
      : groups.map((group, index) => {
          const cx = 12 + index * 90;
          return fragment(sign(index, cx, bottom + 58), words(group, cx + 12, bottom + 62));
        });
  const below = bottom + (legend.length > 0 ? 62 : 42);
  return drawing('plot', label, below + (ticks === '' ? 12 : 30), [
    grid(x, 'x', bottom, 20),
    words(xName, (names + width) / 2, bottom + 36, 'middle'),
    ...drawn,
    ...legend,
    ticks === '' ? null : words(ticks, 6, below + 20),
  ]);
}

function rowName(name: string): string {
  return shortened(name, 40);
}

/** An SVG, with what it shows for who cannot see it; `kind` is its class. */
export function drawing(
  kind: 'plot' | 'graph',
  label: string,
  height: number,
  children: readonly Child[],
  across = width,
): Markup {
  return element(
    'svg',
    {
      class: kind,
      viewBox: `0 0 ${Math.ceil(across)} ${Math.ceil(height)}`,
      width: Math.ceil(across),
      height: Math.ceil(height),
      role: 'img',
      'aria-label': label,
    },
    ...children,
  );
}

/** Text in a drawing, at its baseline. */
export function words(content: string, x: number, y: number, anchor: 'start' | 'middle' | 'end' = 'start'): Markup {
  return element('text', { x, y, 'text-anchor': anchor === 'start' ? null : anchor }, content);
}

/** Text that has to fit: the beginning, and an ellipsis. */
export function shortened(content: string, length: number): string {
  const characters = [...content];
  return characters.length <= length ? content : `${characters.slice(0, length - 1).join('')}…`;
}

function stroke(d: string, index: number): Markup {
  return element('path', {
    class: `line c${index % mostSeries}`,
    d,
    'stroke-dasharray': dashes[index % mostSeries]?.join(' ') || null,
  });
}

function sign(index: number, x: number, y: number): Markup {
  const shape = symbolsFill[index % mostSeries] as SymbolType;
  const d = (symbol(shape, 44)() ?? '').replace(/-?\d+\.\d+/g, (digits) => tenth(Number(digits)));
  return element('path', { class: `sign c${index % mostSeries}`, d, transform: `translate(${tenth(x)},${tenth(y)})` });
}

/** Lines of a scale with their numbers: `from` and `to` are where they begin and end on the other axis. */
function grid(scale: ScaleLinear<number, number>, axis: 'x' | 'y', from: number, to: number): Markup {
  const lines = scale.ticks(axis === 'x' ? 7 : 5).map((tick) => {
    const at = scale(tick);
    const d = axis === 'x' ? `M${tenth(at)},${from}V${to}` : `M${from},${tenth(at)}H${to}`;
    const named = figure(tick);
    return fragment(
      element('path', { class: 'grid', d }),
      axis === 'x' ? words(named, at, from + 16, 'middle') : words(named, from - 10, at + 4, 'end'),
    );
  });
  return fragment(...lines);
}

/** The range of some numbers, wider where they are all the same. */
function extent(values: readonly number[]): [number, number] {
  const low = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return low < high ? [low, high] : [low - 0.5, high + 0.5];
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
