import { deepEqual, doesNotMatch, equal, match, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { withDatabase } from '../../results/database.ts';
import { type Import, recordImport, writeImport } from '../../results/imports.ts';
import { keyFolder } from '../../store/home.ts';
import { rememberRun, writePlan } from '../../store/plans.ts';
import type {
  Curve,
  LineageLine,
  LineageView,
  NodeView,
  Problem,
  Sample,
  Table,
  Takeaways,
  Vocabulary,
} from '../../ui/protocol.ts';
import { smallPlan } from '../fixtures/plans.ts';
import { makePlan } from '../results/lineage.ts';
import { runLineage } from '../results/run.ts';
import { type Served, serve, sharedEnding, temporaryFolder } from './support.ts';

/*
 * What the page is told of a home in which a lineage was run and a publication imported, while nothing runs.
 */

const suite = sharedEnding();
after(suite.over);
const plan = makePlan({ seeds: [1], replay: ['0%', '20%'] });
const keyAt = (address: string) => plan.nodes.find((node) => node.address === address)?.key ?? '';
const lineage = '/api/lineages/replay';

/** As if a paper had models of the same kind, and one figure of each. */
const published = makePlan({ lineage: 'published/evolm', seeds: [7], replay: ['5%'] });
const imported: Import = {
  publication: 'evolm',
  date: '2025-06-01T00:00:00Z',
  plan: published,
  facts: {},
  figures: published.nodes
    .filter(({ address }) => address.endsWith('/id'))
    .map(({ address }) => ({
      source: 'Table 1',
      reading: 'printed',
      error: null,
      approximate: false,
      model: address,
      address: address.slice(0, -'/id'.length),
      suite: 'id',
      task: 'all',
      metric: 'pass@1',
      value: 0.25,
      note: null,
    })),
};

let home = '';
let served: Served;
before(async () => {
  home = join(await temporaryFolder(suite), '.descent');
  await runLineage(home, plan);
  await rememberRun(home, 'replay', await writePlan(home, plan));
  await writeImport(home, imported);
  await withDatabase(home, 'write', (connection) => recordImport(connection, imported));
  served = await serve(suite, home);
});

test('the lineages: those that were run, then what was imported', async () => {
  const lines = await served.get<LineageLine[]>('/api/lineages');
  deepEqual(
    lines.map(({ lineage, counts, running }) => [lineage, counts.done, running]),
    [
      ['replay', plan.nodes.length, false],
      ['published/evolm', published.nodes.length, false],
    ],
  );
  equal(lines[1]?.lastRun, '2025-06-01T00:00:00.000Z');
});

test('a lineage: every node in a column each, with indexes that are there', async () => {
  const view = await served.get<LineageView>(lineage);
  const { address, key, type, group, standing } = view.nodes;
  deepEqual(
    address,
    plan.nodes.map((node) => node.address),
  );
  deepEqual(
    key,
    plan.nodes.map((node) => node.key),
  );
  deepEqual(new Set(standing), new Set(['done']));
  deepEqual(
    type.map((index) => view.types[index]),
    plan.nodes.map((node) => node.type),
  );
  deepEqual(
    view.groups.map(({ name }) => name),
    ['tokenizer:words', 'base', 'mid', 'tuned', 'rl'],
  );
  deepEqual(
    group.map((index) => view.groups[index]?.name),
    plan.nodes.map((node) => node.stage),
    'an evaluation is in the group of its model',
  );
  deepEqual(view.groups[2]?.from, [1]);
  deepEqual([view.reasons, view.progress, view.note, view.temporal], [{}, [], null, null]);
});

test('a published lineage has its models and a note, and nothing of it can be done', async () => {
  const path = '/api/lineages/published%2Fevolm';
  const view = await served.get<LineageView>(path);
  match(view.note ?? '', /published/);
  equal((await served.get<Table>(`${path}/models`)).rows.length, imported.figures.length);
  const { status, json } = await served.ask(`${path}/pause`, { method: 'POST', body: {} });
  equal(status, 409);
  match((json() as Problem).error, /there is no lineage published\/evolm/);
  const key = view.nodes.key[view.nodes.address.indexOf('base@seed=7')];
  const { figures, metrics, folder } = await served.get<NodeView>(`/api/nodes/${key}?lineage=published%2Fevolm`);
  deepEqual(figures, [{ suite: 'id', task: 'all', metric: 'pass@1', value: 0.25, n: null, low: null, high: null }]);
  deepEqual([metrics, folder], [[], null]);
});

test('models: a row each, and no column that only other lineages fill', async () => {
  const { columns, rows, cut } = await served.get<Table>(`${lineage}/models`);
  const names = columns.map(({ name }) => name);
  equal(cut, false);
  equal(rows.length, plan.nodes.filter(({ type }) => ['pretrain', 'cpt', 'sft', 'rl'].includes(type)).length);
  for (const name of ['address', 'axis_replay', 'seed', 'id_math_pass_at_1', 'id_math_pass_at_1_low'])
    ok(names.includes(name), name);
  equal(names.length, new Set(names).size);
  for (const index of columns.keys())
    ok(
      rows.some((row) => row[index] !== null),
      names[index],
    );
});

test('takeaways are found and not kept', async () => {
  const own = await served.get<Takeaways>(`${lineage}/takeaways`);
  deepEqual(own, { notices: ['replay declares no takeaways'], takeaways: [] });
  const paper = await served.get<Takeaways>(`${lineage}/takeaways?of=paper`);
  equal(paper.takeaways.length, 12);
  const kept = await served.ask('/api/sql', {
    method: 'POST',
    body: { sql: "from verdicts where lineage = 'replay'" },
  });
  deepEqual((kept.json() as Table).rows, []);
  equal((await served.ask(`${lineage}/takeaways?of=mine`)).status, 400);
});

test('curves: of a lineage and of a node the same, thinned to the points that are asked for', async () => {
  const all = await served.get<Curve[]>(`${lineage}/metrics?metric=loss&points=5`);
  deepEqual(
    all.map(({ address }) => address),
    plan.nodes.filter(({ type }) => ['pretrain', 'cpt', 'sft', 'rl'].includes(type)).map(({ address }) => address),
  );
  const address = 'mid@replay=20%,seed=1';
  const one = all.find((curve) => curve.address === address);
  deepEqual(one?.steps, [4, 8, 12, 16, 20]);
  ok(one.values.every((value, index) => Math.abs((value ?? 0) - (4.75 - 0.4 * index)) < 1e-9));
  const path = `/api/nodes/${keyAt(address)}/metrics?lineage=replay&points=5`;
  const own = await served.get<Curve[]>(path);
  deepEqual(own.map(({ metric }) => metric).sort(), ['gradientNorm', 'loss', 'lr']);
  deepEqual(await served.get<Curve[]>(`${path}&metric=loss`), [one]);
  const stage = await served.get<Curve[]>(`${lineage}/metrics?stage=base`);
  deepEqual(
    stage.map(({ address, steps }) => [address, steps.length]),
    [['base@seed=1', 20]],
  );
  for (const points of ['0', '1e9', 'many'])
    equal((await served.ask(`${lineage}/metrics?points=${points}`)).status, 400);
});

test('a node: what it needs, why, attempts, figures, and where it lies', async () => {
  const key = keyAt('tuned@replay=0%,seed=1');
  const node = await served.get<NodeView>(`/api/nodes/${key}?lineage=replay`);
  equal(node.standing, 'done');
  deepEqual(node.why, ['reuse: attempt 1, done 2026-01-01']);
  deepEqual(node.needs, [{ role: 'parent', key: keyAt('mid@replay=0%,seed=1'), address: 'mid@replay=0%,seed=1' }]);
  equal(node.neededBy.length, 3);
  deepEqual(node.attempts, [
    {
      attempt: 1,
      state: 'done',
      startedAt: '2026-01-01T00:00:00.000Z',
      finishedAt: '2026-01-01T00:01:30.500Z',
      error: null,
    },
  ]);
  equal(node.folder, join('store', key, 'attempt-1'));
  deepEqual(node.facts, { parameters: 860_000, unigramEntropy: 4.25 });
  equal(node.figures.find(({ suite, task }) => suite === 'id' && task === 'math')?.metric, 'pass@1');
  equal((await served.ask(`/api/nodes/${key}`)).status, 400);
  for (const other of ['f'.repeat(64), '..', key.slice(0, 12), '%2e%2e%2f'])
    equal((await served.ask(`/api/nodes/${other}?lineage=replay`)).status, 404, other);
  equal((await served.ask(`/api/nodes/${key}?lineage=another`)).status, 404);
});

test('samples of an evaluation, newest first, also where the store has them no more', async () => {
  const key = keyAt('base@seed=1/id');
  const path = `/api/nodes/${key}/samples?lineage=replay`;
  const all = await served.get<Sample[]>(path);
  equal(all.length, 5);
  const [newest, next] = all;
  deepEqual(await served.get<Sample[]>(`${path}&limit=1`), [newest]);
  deepEqual(await served.get<Sample[]>(`${path}&limit=1&before=${newest?.at}`), [next]);
  await rm(keyFolder(home, key), { recursive: true });
  const recorded = await served.get<Sample[]>(path);
  const texts = (samples: Sample[]) => samples.map(({ at, ...sample }) => sample);
  deepEqual(
    new Set(texts(recorded).map((sample) => JSON.stringify(sample))),
    new Set(texts(all).map((sample) => JSON.stringify(sample))),
  );
  equal((await served.get<Sample[]>(`${path}&before=${recorded[3]?.at}`)).length, 1);
});

test('SQL: rows, a saved query, DuckDB’s caret, and no more rows than a page can take', async () => {
  const ask = (sql: string, parameters = {}) => served.ask('/api/sql', { method: 'POST', body: { sql, parameters } });
  const table = (await ask('select 1 as one, $a as a', { a: 'x' })).json() as Table;
  deepEqual(table, {
    columns: [
      { name: 'one', type: 'INTEGER' },
      { name: 'a', type: 'VARCHAR' },
    ],
    rows: [[1, 'x']],
    cut: false,
  });
  const cut = (await ask('from range(1_000_000_000_000)')).json() as Table;
  deepEqual([cut.rows.length, cut.cut], [10_000, true]);
  equal(((await ask('from range(10_000)')).json() as Table).cut, false);
  ok(((await ask('curves', { lineage: 'replay', points: 2 })).json() as Table).rows.length > 0);
  const wrong = await ask('select nothing\nfrom nodes');
  equal(wrong.status, 400);
  match((wrong.json() as Problem).error, /LINE 1: select nothing\n +\^/);
  equal((await ask('seeds', { lineage: 'another' })).status, 400);
  for (const sql of [
    "from read_csv('/etc/passwd')",
    "copy nodes to '/tmp/x'",
    'drop table nodes',
    "attach '/tmp/x.db'",
  ]) {
    const { status } = await ask(sql);
    equal(status, 400, sql);
  }
  deepEqual(served.errors, []);
});

test('what SQL can name: tables, views with comments, saved queries with parameters, functions', async () => {
  const { tables, queries, functions } = await served.get<Vocabulary>('/api/sql');
  const wide = tables.find(({ name }) => name === 'lineage_wide');
  equal(wide?.kind, 'view');
  ok(wide.columns.some(({ name, comment }) => name === 'axis_replay' && comment !== ''));
  equal(tables.find(({ name }) => name === 'metrics')?.kind, 'table');
  const curves = queries.find(({ name }) => name === 'curves');
  deepEqual(curves?.parameters[1], {
    name: 'metric',
    type: 'VARCHAR',
    required: false,
    default: 'loss',
    description: 'The metric.',
  });
  ok(functions.includes('approx_quantile'));
  ok(functions.every((name) => /^[a-z]\w*$/.test(name)));
});

test('a query is stopped when who asked it has gone', async () => {
  const begun = performance.now();
  const slow = 'select count(*) from range(1_000_000) a, range(1_000_000) b where a.range + b.range = 7';
  const asking = new AbortController();
  const body = JSON.stringify({ sql: slow });
  const headers = { authorization: `Bearer ${served.token}`, 'content-type': 'application/json' };
  const asked = fetch(`http://127.0.0.1:${served.port}/api/sql`, {
    method: 'POST',
    body,
    headers,
    signal: asking.signal,
  });
  const quick = await served.get<LineageView>(lineage);
  ok(quick.nodes.address.length > 0, 'others are answered meanwhile');
  ok((await served.get<Table>(`${lineage}/models`)).rows.length > 0);
  asking.abort();
  await asked.catch(() => {});
  await withDatabase(home, 'write', async () => {}, { patienceSeconds: 10 });
  ok(performance.now() - begun < 15_000);
});

test('a lineage is there from when it is begun, before the results have it', async () => {
  const begun = smallPlan('begun', [
    { address: 'tokenizer:begun', type: 'tokenizer' },
    { address: 'base', needs: ['tokenizer:begun'] },
  ]);
  await rememberRun(home, 'begun', await writePlan(home, begun));
  const view = await served.get<LineageView>('/api/lineages/begun');
  deepEqual([view.counts.waiting, view.running], [2, false]);
});

test('while somebody writes, what the store has is told, who has the results, and when to ask again', async (t) => {
  const script = fileURLToPath(new URL('../results/scripts/hold.js', import.meta.url));
  const holder = spawn(process.execPath, [script, home, 'write'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const node = `/api/nodes/${keyAt('base@seed=1')}?lineage=replay`;
  const held = new RegExp(`^the results are held by process ${holder.pid} `);
  const late = await serve(t, home);
  try {
    await once(holder.stdout, 'data');
    ok((await served.get<Table>(`${lineage}/models`)).rows.length > 0, 'what was asked before is known');
    const models = await late.ask(`${lineage}/models`);
    deepEqual([models.status, models.headers['retry-after']], [503, '1']);
    match((models.json() as Problem).error, held);
    const lines = await late.get<LineageLine[]>('/api/lineages');
    deepEqual(
      lines.map((line) => line.lineage),
      ['begun', 'replay', 'published/evolm'],
      'the store knows what was run',
    );
    const view = await late.get<LineageView>(lineage);
    equal(view.nodes.standing[view.nodes.address.indexOf('mid@replay=0%,seed=1')], 'done', 'and how nodes stand');
    match(view.note ?? '', held);
    const { standing, attempts, figures, unread } = await late.get<NodeView>(node);
    deepEqual([standing, attempts[0]?.state, figures], ['done', 'done', []]);
    match(unread ?? '', held);
  } finally {
    holder.stdin.end('\n');
  }
  await once(holder, 'exit');
  const { figures, unread } = await late.get<NodeView>(node);
  deepEqual([figures.length > 0, unread], [true, null]);
  equal((await late.get<LineageView>(lineage)).note, null);
});

test('a home that nothing was run in has no lineages, and says what there is to do', async (t) => {
  const empty = await serve(t, join(await temporaryFolder(t), '.descent'));
  deepEqual(await empty.get('/api/lineages'), []);
  const { tables, queries } = await empty.get<Vocabulary>('/api/sql');
  deepEqual([tables.length, queries.length > 0], [0, true]);
  const { status, json } = await empty.ask('/api/sql', { method: 'POST', body: { sql: 'select 1' } });
  deepEqual([status, (json() as Problem).remedy], [409, 'run a lineage first: descent run <file>']);
  const nothing = await empty.ask('/api/lineages/replay');
  equal(nothing.status, 404);
  doesNotMatch(nothing.body.toString('utf8'), /\n\s+at /);
});
