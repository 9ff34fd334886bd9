import { linkHorizontal } from 'd3-shape';
import type { NodeType } from '../../planner/plan.ts';
import { placesOf } from '../../report/drawings/places.ts';
import type { LineageView } from '../protocol.ts';

/** The nodes of a stage, by index: what it makes, and what checks that: evaluations, and certificates of overlaps. */
export interface Members {
  made: number[];
  checks: number[];
}

/** Types of nodes that make nothing to go on from. */
export const checks: ReadonlySet<NodeType> = new Set(['evaluate', 'overlap']);

/** Where a stage is drawn, in pixels, and how many cells stand in a row of it. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
  across: number;
}

/** A drawing of what needs what. */
export interface Graph {
  boxes: Box[];
  edges: { d: string; from: number; to: number; isRead: boolean }[];
  width: number;
  height: number;
}

/** A cell of `size` pixels each way and the space to the next. */
export interface CellSize {
  size: number;
  space: number;
}

/** Sizes of cells that one can choose, the smallest first. Signs are drawn from 11 pixels on. */
export const cellSizes: readonly CellSize[] = [
  { size: 5, space: 1 },
  { size: 8, space: 2 },
  { size: 12, space: 2 },
  { size: 16, space: 3 },
  { size: 22, space: 3 },
];

/** Space between cells and the edge of their box, and what stands above them. */
export const inset = { side: 10, top: 46, bottom: 10 };

const gap = { x: 40, y: 16 };

/** The nodes of each group. */
export function membersOf({ groups, nodes, types }: Pick<LineageView, 'groups' | 'nodes' | 'types'>): Members[] {
  const members = groups.map((): Members => ({ made: [], checks: [] }));
  for (const [node, group] of nodes.group.entries()) {
    const isCheck = checks.has(types[nodes.type[node] as number] as NodeType);
    members[group]?.[isCheck ? 'checks' : 'made'].push(node);
  }
  return members;
}

/** The place (in cells) of each node of a group: what it makes first, what checks that in rows of its own below. */
export function cellsOf({ made, checks }: Members, across: number): { node: number; column: number; row: number }[] {
  const below = Math.ceil(made.length / across);
  const place = (node: number, at: number, from: number) => ({
    node,
    column: at % across,
    row: from + Math.floor(at / across),
  });
  return [...made.map((node, at) => place(node, at, 0)), ...checks.map((node, at) => place(node, at, below))];
}

/** The size of cells at which the largest group still is seen at once. */
export function fittingSize(members: readonly Members[]): number {
  const most = Math.max(0, ...members.map(({ made, checks }) => made.length + checks.length));
  return most <= 60 ? 3 : most <= 400 ? 2 : most <= 1500 ? 1 : 0;
}

/** Boxes from left to right, each behind all that it needs, with lines that leave and arrive beside their names. */
export function drawGraph(
  groups: LineageView['groups'],
  members: readonly Members[],
  { size, space }: CellSize,
): Graph {
  const pitch = size + space;
  const sizes = members.map(({ made, checks }) => {
    const most = Math.max(made.length, checks.length);
    const across = Math.max(
      Math.floor(150 / pitch),
      Math.min(Math.ceil(Math.sqrt(most * 1.6)), Math.floor(460 / pitch)),
    );
    const rows = Math.ceil(made.length / across) + Math.ceil(checks.length / across);
    return {
      across,
      width: across * pitch - space + 2 * inset.side,
      height: inset.top + rows * pitch - space + inset.bottom,
    };
  });
  const places = placesOf(groups.map(({ from, reads }) => [...from, ...reads]));
  const columns = Math.max(0, ...places.map(({ column }) => column + 1));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...sizes.map(({ width }, group) => (places[group]?.column === column ? width : 0))),
  );
  const lefts = widths.map((_, column) => widths.slice(0, column).reduce((sum, width) => sum + width + gap.x, 1));
  const filled = widths.map(() => 1);
  const boxes = sizes.map((own, group): Box => {
    const column = places[group]?.column as number;
    const y = filled[column] as number;
    filled[column] = y + own.height + gap.y;
    return { x: lefts[column] as number, y, ...own, width: widths[column] as number };
  });
  const link = linkHorizontal();
  const edges = groups.flatMap(({ from, reads }, to) =>
    [...new Set([...from, ...reads])].map((other) => {
      const [source, target] = [boxes[other] as Box, boxes[to] as Box];
      const isRead = !from.includes(other);
      // Apart, so that one that passes behind a box is not taken for that box's own.
      const down = isRead ? 34 : 20;
      const d = link({ source: [source.x + source.width, source.y + down], target: [target.x, target.y + down] }) ?? '';
      return { d, from: other, to, isRead };
    }),
  );
  return {
    boxes,
    edges,
    width: Math.max(0, ...boxes.map(({ x, width }) => x + width)) + 1,
    height: Math.max(0, ...boxes.map(({ y, height }) => y + height)) + 1,
  };
}
