import { type CellSize, cellsOf, type Members } from '../model/graph.ts';
import type { Standing } from '../protocol.ts';
import { glyphs } from './glyphs.tsx';

/** The cells of a stage on a canvas. */
export interface Cells {
  /** Paints the cells whose standing or mark is another one than when they were painted last; gives how many. */
  paint(standing: readonly Standing[], marked: ReadonlyMap<number, Mark>): number;
  /** The node under a point of the canvas, in CSS pixels. */
  nodeAt(x: number, y: number): number | null;
}

/** A ring around a cell: of the node that is looked at, of what it needs or is needed by. */
export type Mark = 'chosen' | 'related';

/** What cells are painted with; read from the page's style once for each scheme. */
export interface Paints {
  standing: Readonly<Record<Standing, string>>;
  /** Signs on a filled cell, and the ring of what is chosen. */
  sign: string;
  text: string;
  back: string;
}

/** Filled cells stand out from those where nothing happened yet. */
const isOpen: ReadonlySet<Standing> = new Set(['waiting', 'blocked', 'interrupted']);

const smallestWithSign = 11;

/** Prepares a canvas for a stage's cells. A cell that makes a model is a square, one that checks it round. */
export function cellsOn(
  canvas: HTMLCanvasElement,
  members: Members,
  across: number,
  { size, space }: CellSize,
  paints: Paints,
): Cells {
  const pitch = size + space;
  const margin = 2;
  const cells = cellsOf(members, across);
  const rows = (cells.at(-1)?.row ?? -1) + 1;
  const ratio = devicePixelRatio || 1;
  const [width, height] = [across * pitch - space + 2 * margin, Math.max(0, rows * pitch - space) + 2 * margin];
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  canvas.style.margin = `-${margin}px`;
  const context = canvas.getContext('2d') as CanvasRenderingContext2D;
  const firstRound = members.made.length;
  const painted: string[] = [];

  function paintCell(at: number, standing: Standing, mark: Mark | undefined): void {
    const { column, row } = cells[at] as { column: number; row: number };
    context.setTransform(ratio, 0, 0, ratio, (margin + column * pitch) * ratio, (margin + row * pitch) * ratio);
    context.clearRect(-space / 2, -space / 2, pitch, pitch);
    const colour = paints.standing[standing];
    const outline = new Path2D();
    const edge = isOpen.has(standing) ? 0.75 : 0;
    if (at >= firstRound) outline.arc(size / 2, size / 2, size / 2 - edge, 0, 2 * Math.PI);
    else outline.roundRect(edge, edge, size - 2 * edge, size - 2 * edge, Math.min(3, size / 5));
    context.fillStyle = context.strokeStyle = colour;
    context.lineWidth = 1.5;
    if (edge > 0) context.stroke(outline);
    else context.fill(outline);
    if (size >= smallestWithSign && standing !== 'waiting') paintSign(standing, edge > 0 ? colour : paints.sign);
    else if (standing === 'failed') paintSign(standing, paints.sign);
    if (mark !== undefined) {
      context.strokeStyle = paints.text;
      context.lineWidth = mark === 'chosen' ? 2 : 1;
      context.setLineDash(mark === 'chosen' ? [] : [2, 1]);
      context.strokeRect(-0.75, -0.75, size + 1.5, size + 1.5);
      context.setLineDash([]);
    }
  }

  function paintSign(standing: Standing, colour: string): void {
    const { path, isFilled } = glyphs[standing];
    const scale = size / 16;
    context.save();
    context.scale(scale, scale);
    context.fillStyle = context.strokeStyle = colour;
    context.lineWidth = 2;
    context.lineCap = 'round';
    if (isFilled) context.fill(new Path2D(path));
    else context.stroke(new Path2D(path));
    context.restore();
  }

  return {
    paint(standing, marked) {
      let count = 0;
      for (const [at, { node }] of cells.entries()) {
        const now = standing[node] as Standing;
        const mark = marked.get(node);
        const look = `${now} ${mark ?? ''}`;
        if (painted[at] === look) continue;
        painted[at] = look;
        paintCell(at, now, mark);
        count += 1;
      }
      return count;
    },
    nodeAt(x, y) {
      const [column, row] = [Math.floor((x - margin) / pitch), Math.floor((y - margin) / pitch)];
      if (column < 0 || column >= across) return null;
      const below = Math.ceil(firstRound / across);
      const at = row < below ? row * across + column : firstRound + (row - below) * across + column;
      if (row < below && at >= firstRound) return null;
      return cells[at]?.node ?? null;
    },
  };
}

/** The page's colours as they are now. */
export function readPaints(): Paints {
  const style = getComputedStyle(document.documentElement);
  const of = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    standing: {
      done: of('done'),
      running: of('running'),
      failed: of('failed'),
      blocked: of('blocked'),
      interrupted: of('interrupted'),
      waiting: of('waiting-cell'),
    },
    sign: of('back'),
    text: of('text'),
    back: of('back'),
  };
}
