import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readPublication } from '../../cli/import.ts';
import { compareResults } from '../../results/compare.ts';
import { withDatabase } from '../../results/database.ts';
import { type Import, readImport, recordImport, writeImport } from '../../results/imports.ts';
import { type Publication, publications } from '../../results/publications.ts';
import { type Parameters, runQuery } from '../../results/query.ts';
import { rebuildResults } from '../../results/rebuild.ts';
import { paperSignatures } from '../planner/evolm.ts';
import { makePlan } from './lineage.ts';
import { recordRuns } from './run.ts';

/** A line of results/published/evolm.csv, as text. */
type Line = Record<
  'source' | 'reading' | 'error' | 'model' | 'address' | 'suite' | 'task' | 'metric' | 'unit' | 'value' | 'note',
  string
>;
type Row = Record<string, unknown>;

let home = '';
let lines: Line[] = [];
let imported: Import;

before(async () => {
  home = await mkdtemp(join(tmpdir(), 'descent-'));
  lines = await readLines();
  imported = await readPublication(publications[0] as Publication);
  await recordRuns(home, makePlan({ replay: ['0%', '20%'], seeds: [1, 2] }));
  await take(imported);
});
after(() => rm(home, { recursive: true, force: true }));

async function take(some: Import): Promise<void> {
  await withDatabase(home, 'write', (connection) => recordImport(connection, some));
}

/** What ships, read without any of what reads it for the results. */
async function readLines(): Promise<Line[]> {
  const text = await readFile(new URL('../../../results/published/evolm.csv', import.meta.url), 'utf8');
  const [head = '', ...rest] = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const names = head.split(',');
  return rest.map((line) => Object.fromEntries(line.split(',').map((cell, at) => [names[at], cell])) as Line);
}

async function objects(sql: string, parameters: Parameters = {}): Promise<Row[]> {
  const { columns, rows } = await runQuery(home, sql, parameters);
  return rows.map((row) => Object.fromEntries(columns.map(({ name }, index) => [name, row[index]])));
}

/** The column of a panel: `id_greedy`, `ood_maj`. */
function panelOf({ suite, metric }: Line): string {
  const names: Record<string, string> = { 'pass@1': 'greedy', 'pass@16': 'pass', 'maj@16': 'maj', 'rm@16': 'rm' };
  return `${suite}_${names[metric] ?? (metric === 'correctRatio' ? 'correct_ratio' : metric)}`;
}

/** The row of one of the queries with a row for each model. */
function rowOf(rows: Row[], { address }: Line): Row | undefined {
  const found = rows.filter(({ stage }) => stage === address);
  assert.equal(found.length, 1, address);
  return found[0];
}

/** Where each table and figure has what a line says: the number of the cell, found in the rows of its query. */
const cells: Record<string, (rows: Row[], line: Line) => unknown> = {
  'Table 1': (rows, line) => {
    const [, base, then] = /^(.+-100Kep1)(-100Kep8)?$/.exec(line.address) ?? [];
    const found = rows.filter(({ stage }) => stage === base);
    const column = panelOf(line) + (then ? '_rl' : '_sft');
    assert.ok(found.length === (base?.startsWith('4B-80BT') ? 2 : 1), line.address);
    assert.ok(found.every((row) => row[column] === found[0]?.[column]));
    return found[0]?.[column];
  },
  'Table 2': (rows, line) => rowOf(rows, line)?.pass_at_1,
  'Table 3': (rows, line) => {
    const base = { ...line, address: line.address.replace(/-100Kep1$/, '') };
    const place = line.task === 'math_level_1' ? 'first' : 'second';
    const column = line.suite === 'upstream' ? 'upstream' : `${place}_${line.metric === 'pass@1' ? 'greedy' : 'pass'}`;
    return rowOf(rows, base)?.[column];
  },
  'Table 4': (rows, line) => {
    const column = line.task === 'all' ? 'average' : line.task;
    if (line.address !== '') return rowOf(rows, line)?.[column];
    return rows.find(({ stage, model, tokens }) => stage === null && `${model} (${tokens})` === line.model)?.[column];
  },
  'Figure 2': (rows, line) => rowOf(rows, line)?.average,
  'Figure 4': (rows, line) => rowOf(rows, line)?.average,
  'Figure 10': (rows, { task }) => rows.find((row) => row.task === task)?.orm,
  'Figure 14': (rows, { task }) => rows.find((row) => row.task === task)?.perplexity,
};
const panels = (rows: Row[], line: Line) => rowOf(rows, line)?.[panelOf(line)];

function queryOf(source: string): string {
  return source === 'Figure 14' ? 'figure10' : source.toLowerCase().replace(' ', '');
}

test('each of the 1,086 figures stands in the table or figure of the paper that has it, made by a saved query', async () => {
  assert.equal(lines.length, 1086);
  const answers = new Map<string, Row[]>();
  for (const line of lines) {
    const rows = answers.get(line.source) ?? (await objects(queryOf(line.source)));
    answers.set(line.source, rows);
    const cell = (cells[line.source] ?? panels)(rows, line);
    assert.equal(cell, Number(line.value), `${line.source}: ${line.model} ${line.suite} ${line.task} ${line.metric}`);
  }
  assert.deepEqual(
    [...answers].map(([source, rows]) => [source, rows.length]),
    [
      ['Table 1', 6],
      ['Table 2', 5],
      ['Table 3', 4],
      ['Table 4', 20],
      ['Figure 2', 14],
      ['Figure 3', 10],
      ['Figure 4', 12],
      ['Figure 5', 12],
      ['Figure 6', 12],
      ['Figure 7', 16],
      ['Figure 8a', 7],
      ['Figure 8b', 9],
      ['Figure 9', 10],
      ['Figure 10', 6],
      ['Figure 14', 6],
    ],
    'and nothing else does',
  );
});

test('the query published has every figure with its source, reading and error', async () => {
  const all = await objects('published');
  assert.deepEqual(
    all.map(({ source, reading, model, value, error, note }) => [source, reading, model, value, error, note]),
    lines.map(({ source, reading, model, value, error, unit, note }) => {
      const inUnit = (text: string) => Number(unit === 'percent' ? `${text}e-2` : text);
      return [source, reading, model, inUnit(value), error === '' ? null : inUnit(error), note || null];
    }),
  );
  const table = await objects('published', { source: 'Table 4', model: 'Qwen3 4B (36T)', metric: 'acc_norm' });
  assert.equal(table.length, 7);
});

test('what was read off figures agrees with what is printed of the same, as docs/published.md says', () => {
  const same = ({ address, suite, task, metric }: Line) => [address, suite, task, metric].join(' ');
  const printed = new Map(lines.filter(({ reading }) => reading === 'printed').map((line) => [same(line), line]));
  const tenths = lines
    .filter((line) => line.reading === 'digitised' && printed.has(same(line)))
    .map((line) => Math.round(10 * Math.abs(Number(line.value) - Number(printed.get(same(line))?.value))));
  const counts = [0, 1, 2, 3].map((off) => tenths.filter((tenth) => tenth === off).length);
  assert.deepEqual([tenths.length, ...counts], [96, 69, 24, 2, 1]);
});

test('of what several sources give, the printed figure stands, else the least rough', async () => {
  const best = new Map<string, string>();
  for (const one of ['printed', 'digitised']) {
    for (const line of lines) {
      const what = [line.address, line.suite, line.task, line.metric].join(' ');
      if (line.address !== '' && line.reading === one && !best.has(what)) best.set(what, line.value);
    }
  }
  const all = await objects(
    "SELECT address, suite, task, metric, value, n, low, high FROM model_figures WHERE lineage = 'published/evolm'",
  );
  assert.equal(all.length, best.size);
  for (const { address, suite, task, metric, value, n, low, high } of all) {
    const text = best.get([address, suite, task, metric].join(' '));
    assert.equal(value, metric === 'orm' ? Number(text) : Number(`${text}e-2`), `${address} ${suite} ${metric}`);
    assert.deepEqual([n, low, high], [null, null, null]);
  }
});

test('models are what their signatures say, by the planner', async () => {
  const recipes = new Map(
    (await objects("FROM model_recipes WHERE lineage = 'published/evolm'")).map((row) => [row.address, row]),
  );
  for (const signature of paperSignatures()) assert.ok(recipes.has(signature), signature);
  const near = (tokens: unknown, billions: number) => Math.abs(Number(tokens) - billions * 1e9) < 3e6;
  for (const [address, row] of recipes) {
    const [, size, pretrain, replay, domain, sft, sftEpochs, rl, rlEpochs] =
      /^(?:int-)?([\d.]+B)-(\d+)BT(?:-([\d.]+)\+([\d.]+)BT)?(?:-(\d+)Kep(\d+))?(?:-(\d+)Kep(\d+))?$/.exec(
        String(address),
      ) ?? [];
    assert.ok(near(row.pretrain_tokens, Number(pretrain)), `${address}: ${row.pretrain_tokens}`);
    assert.ok(near(row.replay_tokens, Number(replay ?? 0)), `${address}: ${row.replay_tokens}`);
    assert.ok(near(row.domain_tokens, Number(domain ?? 0)), `${address}: ${row.domain_tokens}`);
    assert.deepEqual(
      [row.sft_examples, row.sft_epochs, row.rl_examples, row.rl_epochs],
      [1000 * Number(sft ?? 0), Number(sftEpochs ?? 0), 1000 * Number(rl ?? 0), Number(rlEpochs ?? 0)],
    );
    assert.equal(row.post_training, rl ? 'SFT+RL' : sft ? 'SFT' : 'none');
    // Table 5 of the paper.
    assert.equal(row.parameters, { '0.5B': 500_921_856, '1B': 1_000_564_736, '4B': 4_000_288_768 }[size ?? '']);
    const undecayed = String(address).startsWith('int-');
    assert.equal(row.marks, undecayed ? (sft ? 'undecayed ancestor' : 'undecayed') : null);
  }
  const collapsed = [...recipes.values()].filter(({ collapse }) => collapse !== null);
  assert.deepEqual(collapsed.map(({ address }) => address).sort(), [
    '1B-160BT-8+42BT-100Kep1-350Kep8',
    '1B-160BT-8+42BT-100Kep1-400Kep8',
  ]);
  const [wide] = await objects("FROM lineage_wide WHERE address = '1B-160BT-8+42BT-100Kep1-400Kep8'");
  assert.deepEqual(
    [wide?.pretrain_tokens, wide?.cpt_replay_share, wide?.sft_epochs, wide?.rl_examples, wide?.fact_collapse],
    [160_000_114_688, 0.16, 1, 400_000, 'runaway-length'],
  );
  assert.deepEqual([wide?.id_all_maj_at_16, wide?.id_all_maj_at_16_n, wide?.ood_all_orm], [0.096, null, -26.6]);
});

test('one’s own lineage answers the same queries, and is still the one that ran last', async () => {
  const figure = await objects('figure3', { lineage: 'replay' });
  assert.deepEqual(
    figure.map(({ stage, setting, post_training, id_greedy }) => [stage, setting, post_training, id_greedy !== null]),
    [
      ['tuned', 'replay=0%', 'SFT', true],
      ['tuned', 'replay=20%', 'SFT', true],
      ['rl', 'replay=0%', 'SFT+RL', true],
      ['rl', 'replay=20%', 'SFT+RL', true],
    ],
  );
  const [mean] = await objects(
    "SELECT round(100 * avg(value), 4) AS greedy FROM model_figures WHERE lineage = 'replay' AND metric = 'pass@1' AND task = 'all' AND suite = 'id' AND address LIKE 'rl@replay=20%,%'",
  );
  assert.equal(figure[3]?.id_greedy, mean?.greedy, 'the mean over seeds');
  for (const name of ['figure5', 'figure6', 'figure7', 'figure8a', 'figure8b', 'figure9'])
    assert.ok((await objects(name, { lineage: 'replay' })).length > 0, name);
  const [summary] = await objects('summary');
  assert.equal(summary?.model, 'base@seed=1');
});

test('importing again changes nothing, and another version takes the place of the first', async () => {
  const tables = ['lineages', 'axes', 'nodes', 'edges', 'lineage_nodes', 'settings', 'mixtures', 'marks', 'gates'];
  const all = [...tables, 'attempts', 'facts', 'evaluations', 'published_figures'];
  const dump = async () => {
    const rows: Record<string, unknown> = {};
    for (const name of all) rows[name] = (await runQuery(home, `FROM ${name} ORDER BY ALL`)).rows;
    return rows;
  };
  const first = await dump();
  await take(imported);
  assert.deepEqual(await dump(), first);
  const [figure] = imported.figures;
  assert.ok(figure);
  await take({ ...imported, plan: { ...imported.plan, title: 'Another' }, figures: [{ ...figure, value: 0.5 }] });
  const counts = await objects(
    "SELECT count(*) AS n, any_value(value) AS value FROM model_figures WHERE lineage = 'published/evolm'",
  );
  assert.deepEqual(counts, [{ n: 1, value: 0.5 }]);
  const plans = await objects("FROM lineages WHERE lineage = 'published/evolm'");
  assert.equal(plans.length, 1);
  await take(imported);
  assert.deepEqual(await dump(), first);
});

test('the record in the home is all that a rebuild needs', async () => {
  assert.equal(await writeImport(home, imported), true);
  assert.equal(await writeImport(home, imported), false);
  const path = join(home, 'rebuilt.duckdb');
  const { imports, unreadable } = await rebuildResults(home, { path });
  assert.deepEqual([imports, unreadable], [1, []]);
  const { rows, differences } = await compareResults(home, path);
  assert.deepEqual(differences, []);
  assert.deepEqual([rows.published_figures, rows.evaluations], [1086, imported.figures.length - 254]);
  await withDatabase(home, 'write', (connection) =>
    connection.run('UPDATE published_figures SET value = 0 WHERE place = 7'),
  );
  const changed = await compareResults(home, path);
  assert.deepEqual(
    changed.differences.map(({ table, missing, extra, changed }) => [table, missing, extra, changed]),
    [['published_figures', 0, 0, 1]],
  );
  const record = join(home, 'imports', 'evolm.json');
  await writeFile(record, (await readFile(record, 'utf8')).replace('0.141', '0.142'));
  await assert.rejects(readImport(home, 'evolm'), /evolm\.json is damaged: import it again with/);
  const damaged = await rebuildResults(home, { path: join(home, 'again.duckdb') });
  assert.match(damaged.unreadable.join(), /evolm\.json is damaged/);
});
