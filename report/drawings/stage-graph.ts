import { linkHorizontal } from 'd3-shape';
import { counted } from '../../words/figures.ts';
import { countStandings, type Group, type standings } from '../stages.ts';
import { element, fragment, type Markup, tenth } from './markup.ts';
import { drawing, shortened, words } from './plots.ts';

const box = { width: 176, height: 58 };
const gap = { x: 56, y: 16 };

/**
 * The groups of a plan from left to right, each behind all that it needs: a whole line to what it goes on from, a broken one
 * to what it only reads.
 */
export function stageGraph(label: string, groups: readonly Group[], standingOf: ReturnType<typeof standings>): Markup {
  const places = placesOf(groups);
  const columns = Math.max(1, ...[...places.values()].map(({ column }) => column + 1));
  const rows = Math.max(1, ...[...places.values()].map(({ row }) => row + 1));
  const corner = (name: string) => {
    const { column, row } = places.get(name) as Place;
    return { x: 4 + column * (box.width + gap.x), y: 4 + row * (box.height + gap.y) };
  };
  const link = linkHorizontal();
  const edges = groups.flatMap(({ name, from, reads }) =>
    [...new Set([...from, ...reads])].map((other) => {
      const [source, target] = [corner(other), corner(name)];
      const d = link({
        source: [source.x + box.width, source.y + box.height / 2],
        target: [target.x, target.y + box.height / 2],
      });
      return element('path', { class: from.includes(other) ? 'edge' : 'edge reads', d });
    }),
  );
  const boxes = groups.map((group) => {
    const { x, y } = corner(group.name);
    const counts = countStandings(group.nodes, standingOf);
    const failed = counts.includes('failed') ? ' failed' : '';
    return element(
      'g',
      { transform: `translate(${tenth(x)},${tenth(y)})` },
      element('title', {}, `${group.name} (${group.type}): ${counts}`),
      element('rect', { class: `stage${failed}`, width: box.width, height: box.height, rx: 4 }),
      words(shortened(group.name, 24), 8, 18),
      element('g', { class: 'small' }, words(`${group.type}, ${counted(group.nodes.length, 'node')}`, 8, 34)),
      element('g', { class: 'small' }, words(shortened(counts, 28), 8, 49)),
    );
  });
  return drawing(
    'graph',
    label,
    8 + rows * (box.height + gap.y) - gap.y,
    [fragment(...edges), ...boxes],
    8 + columns * (box.width + gap.x) - gap.x,
  );
}

interface Place {
  column: number;
  row: number;
}

/** A group stands one column behind the last of those it needs; where types need each other, the first is not waited for. */
function placesOf(groups: readonly Group[]): Map<string, Place> {
  const byName = new Map(groups.map((group) => [group.name, group]));
  const columns = new Map<string, number>();
  const columnOf = ({ name, from, reads }: Group): number => {
    const known = columns.get(name);
    if (known !== undefined) return known;
    columns.set(name, 0);
    const before = [...from, ...reads].flatMap((other) => byName.get(other) ?? []);
    const column = before.reduce((most, other) => Math.max(most, columnOf(other) + 1), 0);
    columns.set(name, column);
    return column;
  };
  const filled: number[] = [];
  return new Map(
    groups.map((group) => {
      const column = columnOf(group);
      const row = filled[column] ?? 0;
      filled[column] = row + 1;
      return [group.name, { column, row }];
    }),
  );
}
