import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readPublication } from '../../cli/import.ts';
import { withDatabase } from '../../results/database.ts';
import { recordImport } from '../../results/imports.ts';
import { publications } from '../../results/publications.ts';
import { type Parameters, runQuery } from '../../results/query.ts';
import { savedQueries } from '../../results/saved.ts';
import { heldoutLoss, rightAnswers } from './events.ts';
import { makePlan } from './lineage.ts';
import { recordRuns } from './run.ts';

let home = '';

before(async () => {
  home = await mkdtemp(join(tmpdir(), 'descent-'));
  await recordRuns(home, makePlan({ replay: ['0%', '20%'], seeds: [1, 2] }));
  await recordRuns(home, makePlan({ lineage: 'other', replay: ['5%'], seeds: [1] }));
  for (const publication of publications) {
    const imported = await readPublication(publication);
    await withDatabase(home, 'write', (connection) => recordImport(connection, imported));
  }
});
after(() => rm(home, { recursive: true, force: true }));

async function objects(name: string, parameters: Parameters = {}) {
  const { columns, rows } = await runQuery(home, name, parameters);
  return rows.map((row) => Object.fromEntries(columns.map((column, index) => [column.name, row[index]])));
}

test('every saved query says what it is for and runs without parameters', async () => {
  const queries = savedQueries();
  assert.deepEqual(
    queries.map(({ name }) => name),
    [
      ...['attempts', 'curves'],
      ...[
        'figure10',
        'figure2',
        'figure3',
        'figure4',
        'figure5',
        'figure6',
        'figure7',
        'figure8a',
        'figure8b',
        'figure9',
      ],
      ...['forgetting', 'published', 'reward_correlation', 'samples', 'seeds', 'summary'],
      ...['table1', 'table2', 'table3', 'table4'],
    ],
  );
  for (const { name, description, parameters } of queries) {
    assert.match(description, /^[A-Z].*\.$/, name);
    for (const parameter of parameters)
      assert.match(parameter.description, /^[A-Z].*\.$/, `${name} $${parameter.name}`);
    const { rows } = await runQuery(home, name);
    assert.ok(rows.length > 0, name);
  }
});

test('summary: each model’s loss per domain and Pass@1, beside the evaluated stage before it', async () => {
  const all = await objects('summary', { lineage: 'replay' });
  assert.equal(all.length, 14 * 5);
  const [model, parent] = ['tuned@replay=20%,seed=2', 'mid@replay=20%,seed=2'];
  const loss = all.find((row) => row.model === model && row.task === 'math' && row.metric === 'loss');
  assert.deepEqual(loss, {
    model,
    marks: null,
    suite: 'heldout',
    task: 'math',
    metric: 'loss',
    value: heldoutLoss(model, 'math'),
    low: heldoutLoss(model, 'math') - 0.01,
    high: heldoutLoss(model, 'math') + 0.01,
    n: 16_000,
    difference: heldoutLoss(model, 'math') - heldoutLoss(parent, 'math'),
    compared_to: parent,
  });
  const pass = all.find((row) => row.model === model && row.task === 'all' && row.metric === 'pass@1');
  assert.deepEqual([pass?.value, pass?.n, pass?.difference], [rightAnswers(model) / 5, 5, 0.6 - 0.2]);
  const base = all.filter((row) => row.model === 'base@seed=1');
  assert.deepEqual(
    base.map(({ difference, compared_to }) => [difference, compared_to]),
    Array(5).fill([null, null]),
  );
});

test('forgetting: each ancestor’s loss beside the model’s', async () => {
  const all = await objects('forgetting', { lineage: 'replay' });
  const model = 'rl@replay=0%,seed=1';
  const web = all.filter((row) => row.model === model && row.domain === 'web');
  assert.deepEqual(
    web.map(({ ancestor, ancestor_loss, loss, change }) => [ancestor, ancestor_loss, loss, change]),
    ['base@seed=1', 'mid@replay=0%,seed=1', 'tuned@replay=0%,seed=1'].map((ancestor) => {
      const [was, is] = [heldoutLoss(ancestor, 'web'), heldoutLoss(model, 'web')];
      return [ancestor, was, is, is - was];
    }),
  );
});

test('reward_correlation: of perplexity with Pass@1, over all models of a lineage', async () => {
  const all = await objects('reward_correlation', { lineage: 'replay' });
  assert.deepEqual(
    all.map(({ suite, task, predictor, metric, n }) => [suite, task, predictor, metric, n]),
    ['all', 'math'].map((task) => ['id', task, 'perplexity', 'pass@1', 14]),
  );
});

test('curves: thinned, and always with the last step', async () => {
  const all = await objects('curves', { lineage: 'replay', stage: 'base', points: 4 });
  assert.deepEqual(
    all.filter(({ address }) => address === 'base@seed=2').map(({ step, value }) => [step, value]),
    [5, 10, 15, 20].map((step) => [step, 5 - step / 10]),
  );
  assert.equal((await objects('curves', { lineage: 'replay', metric: 'lr', points: 1 })).length, 14);
});

test('samples: of one model, right or wrong', async () => {
  const model = 'tuned@replay=5%,seed=1';
  assert.deepEqual(
    (await objects('samples', { model, correct: 'false' })).map(({ problem, answer, correct }) => [
      problem,
      answer,
      correct,
    ]),
    [
      ['p3', null, false],
      ['p4', null, false],
    ],
  );
  assert.equal((await objects('samples', { model })).length, 5);
  assert.equal((await objects('samples', { lineage: 'replay', limit: 7 })).length, 7);
});

test('seeds: a group’s mean is over its own models', async () => {
  const all = await objects('seeds', { lineage: 'replay', metric: 'loss' });
  const group = all.find((row) => row.stage === 'mid' && row.setting === 'replay=20%' && row.task === 'web');
  const values = [1, 2].map((seed) => heldoutLoss(`mid@replay=20%,seed=${seed}`, 'web'));
  assert.equal(group?.models, 2);
  assert.ok(Math.abs(Number(group?.mean) - (Number(values[0]) + Number(values[1])) / 2) < 1e-12);
  assert.ok(Math.abs(Number(group?.deviation) - 0.01 / Math.SQRT2) < 1e-9);
});

test('attempts: every node of the lineage, begun or not', async () => {
  const all = await objects('attempts', { lineage: 'other' });
  assert.equal(all.length, makePlan({ lineage: 'other', replay: ['5%'], seeds: [1] }).nodes.length);
  assert.deepEqual(new Set(all.map(({ state }) => state)), new Set(['done']));
  assert.equal(all[1]?.seconds, 90.5);
});

test('without a name it is the lineage that ran last', async () => {
  assert.deepEqual(await objects('summary'), await objects('summary', { lineage: 'other' }));
});

test('wrong names and values are told apart from empty answers', async () => {
  const cases: [string, Parameters, string | RegExp][] = [
    ['sumary', {}, 'there is no saved query sumary: did you mean `summary`? `descent query --list` describes them all'],
    [
      'my_sums',
      {},
      /^there is no saved query my_sums: there are attempts, .*; `descent query --list` describes them all$/,
    ],
    ['spending', {}, 'spending is a table or view, and no saved query: ask it as SQL, "from spending"'],
    ['summary', { lineage: 'mine' }, /^there is no lineage mine: there are \w+, /],
    ['summary', { lineage: 'replai' }, 'there is no lineage replai: did you mean `replay`?'],
    ['summary', { linage: 'replay' }, 'there is no parameter linage: it has lineage'],
    ['curves', { metric: 'los' }, 'there is no metric los: did you mean `loss`?'],
    ['samples', { model: 'tuned@replay=5%,seed=2' }, /^there is no model .* did you mean `tuned@replay=/],
    ['samples', { limit: 'ten' }, 'the parameter limit must be a whole number, and is ten'],
    ['samples', { correct: 'yes' }, 'the parameter correct must be true or false, and is yes'],
  ];
  for (const [name, parameters, message] of cases) {
    await assert.rejects(runQuery(home, name, parameters), { name: 'QueryError', message });
  }
});
