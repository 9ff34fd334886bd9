import { linkHorizontal } from 'd3-shape';
import { counted } from '../../words/figures.ts';
import { countStandings, type Group, type standings } from '../stages.ts';
import { element, fragment, type Markup, tenth } from './markup.ts';
import { type Place, placesOf } from './places.ts';
import { drawing, shortened, words } from './plots.ts';

const box = { width: 176, height: 58 };
const gap = { x: 56, y: 16 };

/**
 * The groups of a plan from left to right, each behind all that it needs: a whole line to what it goes on from, a broken one
 * to what it only reads.
 */
export function stageGraph(label: string, groups: readonly Group[], standingOf: ReturnType<typeof standings>): Markup {
  const index = new Map(groups.map(({ name }, at) => [name, at]));
  const places = placesOf(
    groups.map(({ from, reads }) => [...from, ...reads].flatMap((name) => index.get(name) ?? [])),
  );
  const columns = Math.max(1, ...places.map(({ column }) => column + 1));
  const rows = Math.max(1, ...places.map(({ row }) => row + 1));
  const corner = (name: string) => {
    const { column, row } = places[index.get(name) as number] as Place;
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
