// What the page shows, as far as it needs no browser: routes, changes, curves, the table of models, SQL's parameters, CSV.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Json, Key } from '../../planner/plan.ts';
import { changed, newsOf } from '../../ui/model/changes.ts';
import { lastOf, ranked, withPoints } from '../../ui/model/curves.ts';
import { filterNodes } from '../../ui/model/filter.ts';
import { cellSizes, cellsOf, drawGraph, fittingSize, membersOf } from '../../ui/model/graph.ts';
import {
  columnsOf,
  filterRows,
  mainFigures,
  metricOf,
  oneByOne,
  overSeeds,
  settingOf,
  sortRows,
  unknownColumns,
} from '../../ui/model/models.ts';
import { formatRoute, parseRoute, views } from '../../ui/model/route.ts';
import { csvOf, parametersOf, tablesIn } from '../../ui/model/sql.ts';
import { countStandings, standings } from '../../ui/model/standings.ts';
import type { Curve, LineageView, Standing, Table } from '../../ui/protocol.ts';
import { madeLineage } from './made.ts';

const axes: LineageView['axes'] = [
  { name: 'replay', replicate: false },
  { name: 'run', replicate: true },
];

test('a route is read back as it was written, whatever the lineage is called', () => {
  const word = fc.string({ minLength: 1, unit: 'grapheme' });
  fc.assert(
    fc.property(
      word,
      fc.constantFrom(...views),
      fc.dictionary(word, word, { noNullPrototype: true }),
      (lineage, view, chosen) => {
        assert.deepEqual(parseRoute(formatRoute({ lineage, view, chosen })), { lineage, view, chosen });
      },
    ),
  );
  for (const odd of ['', '#', '#/', '#/nonsense', '#/lineages/', '#token=x'])
    assert.equal(parseRoute(odd).lineage, null, odd);
  assert.deepEqual(parseRoute('#/lineages/%zz/nonsense?a='), { lineage: '%zz', view: 'dag', chosen: {} });
});

test('changes give what a view asked for anew would have, and leave the one before as it was', () => {
  const node = fc.nat({ max: 60 });
  const steps = fc.array(fc.array(fc.tuple(node, fc.constantFrom(...standings)), { minLength: 1, maxLength: 9 }));
  fc.assert(
    fc.property(steps, (all) => {
      const { view } = madeLineage(60);
      const first = structuredClone(view);
      const truth = [...view.nodes.standing];
      let now = view;
      for (const step of all) {
        const news = new Map(step);
        for (const [one, standing] of news) truth[one] = standing;
        const reasons = Object.fromEntries(
          [...news].flatMap(([one, standing]) => (standing === 'failed' ? [[one, 'why']] : [])),
        );
        const counts = { ...countStandings(truth) };
        now = changed(now, {
          kind: 'standings',
          nodes: [...news.keys()],
          standing: [...news.values()],
          reasons,
          counts,
        });
      }
      assert.deepEqual(now.nodes.standing, truth);
      assert.deepEqual(now.counts, countStandings(truth));
      const touched = new Set(all.flat().map(([one]) => one));
      for (const one of touched) assert.equal(now.reasons[one] === 'why', truth[one] === 'failed');
      assert.deepEqual(view, first);
    }),
  );
});

test('news are of what ended, and silent where nothing did', () => {
  const { view } = madeLineage(60);
  const after = (counts: Partial<LineageView['counts']>, more: Partial<LineageView> = {}): LineageView => ({
    ...view,
    ...more,
    counts: { ...view.counts, ...counts },
  });
  assert.equal(newsOf(view, view), '');
  assert.equal(
    newsOf(view, after({ done: view.counts.done + 2, failed: 2 })),
    '2 done, 1 failed since; 26 of 61 done.',
  );
  assert.equal(newsOf(view, after({}, { paused: true })), 'The lineage is paused.');
  assert.equal(newsOf(after({}, { paused: true }), view), 'The lineage is going on.');
  assert.match(newsOf(view, after({}, { plan: 'another' })), /another one/);
});

test('points go on a curve once, and take its place from where a node goes on from', () => {
  const node = { key: 'a' as Key, address: 'base' };
  const other: Curve = { key: 'b' as Key, address: 'mid', metric: 'loss', steps: [1], values: [9] };
  const once = withPoints(
    [other],
    { node: 0, voidAfter: null, steps: [1, 2], values: { loss: [3, 2], lr: [1, null] } },
    node,
  );
  assert.deepEqual(
    once.map(({ metric, steps, values }) => [metric, steps, values]),
    [
      ['loss', [1], [9]],
      ['loss', [1, 2], [3, 2]],
      ['lr', [1, 2], [1, null]],
    ],
  );
  const twice = withPoints(once, { node: 0, voidAfter: null, steps: [2, 3], values: { loss: [2, 1] } }, node);
  assert.deepEqual(twice[1]?.steps, [1, 2, 3]);
  const anew = withPoints(
    twice,
    { node: 0, voidAfter: 1, steps: [2], values: { loss: [5] } },
    node,
    (one) => one === 'loss',
  );
  assert.deepEqual(
    [anew[1]?.steps, anew[1]?.values],
    [
      [1, 2],
      [3, 5],
    ],
  );
  assert.deepEqual(lastOf(anew[2] as Curve), { step: 1, value: 1 });
  assert.equal(lastOf({ steps: [1], values: [null] }), null);
});

test('a curve that grows gets coarser, keeps its ends, and loses no mean', () => {
  const node = { key: 'a' as Key, address: 'base' };
  let curves: Curve[] = [];
  for (let step = 1; step <= 5000; step += 1)
    curves = withPoints(curves, { node: 0, voidAfter: null, steps: [step], values: { loss: [7] } }, node);
  const [{ steps, values }] = curves as [Curve];
  assert.ok(steps.length <= 1200, `${steps.length} points`);
  assert.equal(steps.at(-1), 5000);
  assert.deepEqual([...new Set(values)], [7]);
  assert.deepEqual(
    steps,
    steps.toSorted((a, b) => a - b),
  );
});

test('loss and reward are asked for before what is measured of the machine', () => {
  assert.deepEqual(ranked(['lr', 'gradientNorm', 'kl', 'loss', 'tokensPerSecond', 'length']), [
    'loss',
    'kl',
    'length',
    'gradientNorm',
    'lr',
    'tokensPerSecond',
  ]);
});

test('nodes are found by words of their address, by the beginning of a key, by stage and standing', () => {
  const { view } = madeLineage(60);
  const found = (text: string, stage = '', standing: Standing | '' = '') =>
    filterNodes(view, { text, stage, standing }).map((node) => view.nodes.address[node]);
  assert.equal(found('').length, 61);
  assert.deepEqual(found('TUNED lr=2e-4 seed=1'), ['tuned@lr=2e-4,seed=1', 'evaluate/tuned@lr=2e-4,seed=1/id']);
  assert.deepEqual(found(`${'0'.repeat(62)}3c`), [view.nodes.address[60]]);
  assert.deepEqual(found('', 'base', 'failed'), []);
  assert.ok(found('', 'mid', 'done').every((address) => address?.includes('mid@')));
  assert.deepEqual(found('', 'no such stage'), []);
});

test('every node has one cell of its own, in the box of its stage, and boxes do not overlap', () => {
  for (const size of [20, 60, 900, 4000]) {
    const { view } = madeLineage(size);
    const members = membersOf(view);
    const step = fittingSize(members);
    const graph = drawGraph(view.groups, members, cellSizes[step] as (typeof cellSizes)[number]);
    const nodes = members.flatMap((one, group) => {
      const cells = cellsOf(one, graph.boxes[group]?.across ?? 1);
      assert.equal(new Set(cells.map(({ column, row }) => `${column} ${row}`)).size, cells.length);
      return cells.map(({ node }) => node);
    });
    assert.deepEqual(
      nodes.sort((a, b) => a - b),
      [...view.nodes.key.keys()],
    );
    for (const [index, a] of graph.boxes.entries())
      for (const b of graph.boxes.slice(index + 1))
        assert.ok(a.x + a.width < b.x || b.x + b.width < a.x || a.y + a.height < b.y || b.y + b.height < a.y);
    for (const { from, to } of graph.edges) assert.ok((graph.boxes[from]?.x ?? 0) < (graph.boxes[to]?.x ?? 0));
  }
});

test('an address without what repeats is its setting', () => {
  assert.equal(settingOf('mid@replay=5%,run=2', axes), 'mid@replay=5%');
  assert.equal(settingOf('base@seed=2', axes), 'base');
  assert.equal(settingOf('1B-160BT-8+42BT', axes), '1B-160BT-8+42BT');
});

const table: Table = {
  columns: [
    ...['address', 'stage', 'key', 'axis_replay', 'axis_run', 'sft_schedule'].map((name) => ({
      name,
      type: 'VARCHAR',
    })),
    ...['sft_lr', 'fact_id_n', 'id_all_pass_at_1', 'id_all_pass_at_1_n', 'id_all_pass_at_1_low'].map((name) => ({
      name,
      type: 'DOUBLE',
    })),
    ...['id_math_pass_at_1', 'heldout_web_loss', 'id_all_pass_at_2', 'id_all_pass_at_16'].map((name) => ({
      name,
      type: 'DOUBLE',
    })),
  ],
  rows: [
    ['rl@replay=0%,run=1', 'rl', 'aa', '0%', '1', 'cosine', 1e-3, 5, 0.2, 60, 0.1, 0.3, 2, 0.3, 0.4],
    ['rl@replay=0%,run=2', 'rl', 'ab', '0%', '2', 'cosine', 1e-3, 5, 0.4, 60, 0.3, 0.5, 2.5, 0.5, null],
    ['rl@replay=10%,run=1', 'rl', 'ac', '10%', '1', 'cosine', 2e-3, 5, null, 60, null, null, 1, null, null],
  ],
  cut: false,
};

test('columns are told apart by their names: axes, settings, figures, what stands beside a figure', () => {
  const columns = columnsOf(table);
  assert.deepEqual(
    columns.map(({ kind }) => kind).join(' '),
    'identity identity identity axis axis setting setting setting figure beside beside figure figure figure figure',
  );
  assert.equal(columns[8]?.label, 'id all pass@1');
  assert.deepEqual([columns[8]?.low, columns[8]?.high], [10, -1]);
  const names = mainFigures(columns, () => true).map((at) => columns[at]?.name);
  assert.deepEqual(names, ['id_all_pass_at_1', 'heldout_web_loss', 'id_all_pass_at_16']);
  assert.deepEqual(
    ['id_all_pass_at_1_sampled', 'upstream_all_acc_norm', 'id_math_correct_ratio', 'heldout_web_loss', 'orm'].map(
      metricOf,
    ),
    ['pass@1(sampled)', 'acc_norm', 'correctRatio', 'loss', 'orm'],
  );
});

test('seeds are together with mean, deviation and count; what differs between them is left open', () => {
  const columns = columnsOf(table);
  const [first, second, ...others] = overSeeds(table, columns, axes);
  assert.deepEqual(others, []);
  assert.deepEqual([first?.name, second?.name], ['rl@replay=0%', 'rl@replay=10%']);
  assert.deepEqual(first?.keys, ['aa', 'ab']);
  assert.equal(first?.cells[8]?.toString().slice(0, 4), '0.30');
  assert.ok(Math.abs((first?.deviations[8] ?? 0) - Math.sqrt(0.02)) < 1e-12);
  assert.deepEqual([first?.cells[4], first?.cells[5], first?.cells[6]], [null, 'cosine', 1e-3]);
  assert.deepEqual([first?.cells[14], first?.deviations[14], first?.counts[14]], [0.4, null, 1]);
  assert.deepEqual([second?.cells[8], second?.deviations[8], second?.counts[8]], [null, null, 0]);
});

test('rows are sorted with what has no value last, and narrowed by words and comparisons', () => {
  const columns = columnsOf(table);
  const rows = oneByOne(table, columns);
  const names = (found: readonly { name: string }[]) => found.map(({ name }) => name.slice(3)).join(' ');
  const cell = (at: number) => (row: (typeof rows)[number]) => row.cells[at] ?? null;
  assert.equal(names(sortRows(rows, cell(8), 'descending')), 'replay=0%,run=2 replay=0%,run=1 replay=10%,run=1');
  assert.equal(names(sortRows(rows, cell(8), 'ascending')), 'replay=0%,run=1 replay=0%,run=2 replay=10%,run=1');
  assert.equal(names(sortRows(rows, cell(3), 'descending')), 'replay=10%,run=1 replay=0%,run=1 replay=0%,run=2');
  assert.equal(names(filterRows(rows, columns, 'RL run=2')), 'replay=0%,run=2');
  assert.equal(
    names(filterRows(rows, columns, 'id_all_pass_at_1>=0.2 sft_lr<0.002')),
    'replay=0%,run=1 replay=0%,run=2',
  );
  assert.equal(names(filterRows(rows, columns, 'replay!=0%')), 'replay=10%,run=1');
  assert.equal(names(filterRows(rows, columns, 'sft_lr=nonsense')), '');
  assert.equal(names(filterRows(rows, columns, 'ac')), 'replay=10%,run=1');
  assert.equal(names(filterRows(rows, columns, 'nosuch>3')), '');
  assert.deepEqual(unknownColumns(columns, 'nosuch>3 tuned replay!=0% sft_lr>1 nosuch=2'), ['nosuch']);
});

test('SQL asks for each $name outside of quotes and comments; a saved query for what it declares', () => {
  const parameters = [{ name: 'lineage', type: 'VARCHAR', required: false, default: null, description: '' }];
  const vocabulary = {
    tables: [{ name: 'metrics', kind: 'table' as const, comment: '', columns: [] }],
    queries: [{ name: 'summary', description: '', parameters }],
    functions: [],
  };
  const names = (text: string) => parametersOf(text, vocabulary).map(({ name }) => name);
  assert.deepEqual(names(`select $a, '$b', "$c" from x -- $d\nwhere /* $e */ y = $f_1 and $a`), ['a', 'f_1']);
  assert.deepEqual(names(' summary\n'), ['lineage']);
  assert.deepEqual(tablesIn('SELECT * FROM Metrics m', vocabulary).length, 1);
  assert.deepEqual(tablesIn('select * from metrics_too', vocabulary), []);
});

test('CSV keeps every cell apart, and nothing from an empty text', () => {
  assert.equal(
    csvOf({
      columns: [
        { name: 'a,b', type: '' },
        { name: 'c', type: '' },
      ],
      rows: [
        [null, ''],
        ['x\n"y"', { z: 1 }],
      ],
    }),
    '"a,b",c\r\n,""\r\n"x\n""y""","{""z"":1}"\r\n',
  );
  const cell = fc.oneof(fc.string(), fc.constant(null), fc.integer()) as fc.Arbitrary<Json>;
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell)), (rows) => {
      const text = csvOf({ columns: [], rows });
      let quoted = false;
      const fields = [...text].filter((character) => {
        if (character === '"') quoted = !quoted;
        return !quoted && character === ',';
      });
      assert.equal(fields.length, rows.length);
    }),
  );
});
