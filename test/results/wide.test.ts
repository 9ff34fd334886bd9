import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import type { Plan, PlanNode } from '../../planner/plan.ts';
import { withDatabase } from '../../results/database.ts';
import { ingestAttempt, ingestAttempts } from '../../results/ingest.ts';
import { runQuery } from '../../results/query.ts';
import { recordLineage } from '../../results/record.ts';
import { updateSchema } from '../../results/schema.ts';
import { temporaryHome } from '../store/support.ts';
import { asLines, heldoutLoss, makeEvents, rightAnswers } from './events.ts';
import { makePlan } from './lineage.ts';
import { leaveEvents, recordRuns } from './run.ts';

async function rows(home: string, sql: string) {
  return (await runQuery(home, sql)).rows;
}

async function columns(home: string): Promise<string[]> {
  return (await runQuery(home, 'FROM lineage_wide LIMIT 0')).columns.map(({ name, type }) => `${name} ${type}`);
}

test('one row for each evaluated model, with its ancestors’ settings and its figures as columns', async (t) => {
  const home = await temporaryHome(t);
  const plan = makePlan({ replay: ['0%', '20%'], seeds: [1], long: true });
  await recordRuns(home, plan);
  assert.deepEqual(await columns(home), [
    'lineage VARCHAR',
    'address VARCHAR',
    'stage VARCHAR',
    'type VARCHAR',
    'seed BIGINT',
    'marks VARCHAR',
    'key VARCHAR',
    'axis_replay VARCHAR',
    'axis_seed BIGINT',
    ...['context', 'ffn', 'heads', 'hidden', 'kv_heads', 'layers', 'vocab'].map((name) => `model_${name} BIGINT`),
    'pretrain_lr DOUBLE',
    'pretrain_min_lr DOUBLE',
    'pretrain_schedule VARCHAR',
    'pretrain_tokens BIGINT',
    'cpt_lr DOUBLE',
    'cpt_replay_share DOUBLE',
    'cpt_tokens BIGINT',
    'cpt2_lr DOUBLE',
    'cpt2_replay_share DOUBLE',
    'cpt2_tokens BIGINT',
    'sft_epochs BIGINT',
    'sft_examples BIGINT',
    'sft_lr DOUBLE',
    'sft_packed BOOLEAN',
    'rl_algorithm VARCHAR',
    'rl_examples BIGINT',
    'rl_kl_coef DOUBLE',
    'rl_warmup VARCHAR',
    'fact_parameters DOUBLE',
    'fact_unigram_entropy DOUBLE',
    ...['heldout_all_loss', 'heldout_math_loss', 'heldout_web_loss', 'id_all_pass_at_1', 'id_math_pass_at_1'].flatMap(
      (name) => [`${name} DOUBLE`, `${name}_n BIGINT`, `${name}_low DOUBLE`, `${name}_high DOUBLE`],
    ),
  ]);

  const evaluated = plan.nodes.filter(
    (node) => ['base', 'mid', 'tuned', 'rl'].includes(node.stage) && node.type !== 'evaluate',
  );
  assert.deepEqual(
    await rows(home, 'SELECT address, key, heldout_web_loss, id_all_pass_at_1, id_all_pass_at_1_n FROM lineage_wide'),
    evaluated.map(({ address, key }) => [address, key, heldoutLoss(address, 'web'), rightAnswers(address) / 5, 5]),
  );
  const settings = 'axis_replay, pretrain_tokens, cpt_replay_share, cpt2_replay_share, sft_lr, sft_packed, rl_kl_coef';
  assert.deepEqual(
    await rows(home, `SELECT address, ${settings} FROM lineage_wide WHERE axis_replay = '20%' OR type = 'pretrain'`),
    [
      ['base@seed=1', null, 40_960, null, null, null, null, null],
      ['mid@replay=20%,seed=1', '20%', 40_960, 0.2, null, null, null, null],
      ['tuned@replay=20%,seed=1', '20%', 40_960, 0.2, 0.1, 0.001, false, null],
      ['rl@replay=20%,seed=1', '20%', 40_960, 0.2, 0.1, 0.001, false, 0.001],
    ],
  );
});

test('columns appear with what brings them, and the order they came in does not show', async (t) => {
  const [forwards, backwards] = [await temporaryHome(t), await temporaryHome(t)];
  const plan = makePlan({ replay: ['0%'], seeds: [1] });
  const evaluations = plan.nodes.filter(({ stage, type }) => stage === 'base' && type === 'evaluate');
  const nodes = [...plan.nodes.filter(({ type }) => type === 'pretrain'), ...evaluations];
  for (const [home, order] of [
    [forwards, nodes],
    [backwards, nodes.toReversed()],
  ] as const) {
    await withDatabase(home, 'write', (connection) => recordLineage(connection, plan, 'a'.repeat(64)));
    let before = (await columns(home)).length;
    for (const node of order) {
      const run = await leaveEvents(home, node, asLines(makeEvents(node)));
      await withDatabase(home, 'write', (connection) => ingestAttempt(connection, run));
      const after = (await columns(home)).length;
      assert.ok(after > before, `${node.address} brings columns`);
      before = after;
    }
  }
  assert.deepEqual(await columns(backwards), await columns(forwards));
  assert.deepEqual(await rows(backwards, 'FROM lineage_wide'), await rows(forwards, 'FROM lineage_wide'));
});

test('a figure that no evaluation had before gets its columns', async (t) => {
  const home = await temporaryHome(t);
  const plan = makePlan({ replay: ['0%'], seeds: [1] });
  await recordRuns(home, plan);
  const node = plan.nodes.find(({ address }) => address === 'base@seed=1/id') as PlanNode;
  const events = makeEvents(node);
  const interval = { value: 0.5, n: 5, low: 0.2, high: 0.8 };
  const figures = ['pass@1(sampled)', 'pass@3', 'pass@4', 'maj@3', 'chance', 'majority'].map(
    (metric) => ({ event: 'evaluation', suite: 'id', task: 'math', metric, ...interval }) as const,
  );
  const run = await leaveEvents(home, node, asLines([...events.slice(0, -1), ...figures, ...events.slice(-1)]), 2);
  await withDatabase(home, 'write', (connection) => ingestAttempt(connection, run));
  assert.deepEqual(
    await rows(home, 'SELECT id_math_pass_at_4, id_math_pass_at_4_n, id_math_pass_at_4_low FROM lineage_wide LIMIT 1'),
    [[0.5, 5, 0.2]],
  );
  const other = (await columns(home)).filter((name) => /_at_3/.test(name));
  assert.deepEqual(other, [], 'every k is in figures_at_k, and would make a row too wide');
  assert.deepEqual(await rows(home, "SELECT measure, k, value, n FROM figures_at_k WHERE task = 'math' ORDER BY ALL"), [
    ['maj', 3, 0.5, 5],
    ['pass', 1, 0.5, 5],
    ['pass', 3, 0.5, 5],
    ['pass', 4, 0.5, 5],
  ]);
  const beside =
    "SELECT DISTINCT suite, task, chance, majority FROM model_figures WHERE address = 'base@seed=1' ORDER BY ALL";
  assert.deepEqual(await rows(home, beside), [
    ['heldout', 'all', null, null],
    ['heldout', 'math', null, null],
    ['heldout', 'web', null, null],
    ['id', 'all', null, null],
    ['id', 'math', 0.5, 0.5],
  ]);
});

test('names that would be the same column get numbers, and hostile ones stay names', async (t) => {
  const home = await temporaryHome(t);
  const plan = makePlan({ replay: ['0%'], seeds: [1] });
  const odd = { minLr: 1, min_lr: 2, 'min-lr': 3, "x'); DROP TABLE nodes; --": 4, 'mix.math': 0.5, 数学: 6 };
  const nodes = plan.nodes.map((node) => (node.stage === 'base' ? { ...node, settings: odd } : node));
  await recordRuns(home, { ...plan, nodes } as Plan);
  const named =
    'pretrain_min_lr, pretrain_min_lr_2, pretrain_min_lr_3, pretrain_mix_math, pretrain_x_drop_table_nodes, pretrain_数学';
  assert.deepEqual(await rows(home, `SELECT ${named} FROM lineage_wide LIMIT 1`), [[3, 1, 2, 0.5, 4, 6]]);
});

test('a lineage that was edited shows its new version, and the old one again when that is run', async (t) => {
  const home = await temporaryHome(t);
  const short = makePlan({ replay: ['0%'], seeds: [1] });
  const longer = makePlan({ replay: ['0%', 5], seeds: [1] });
  const digest = await recordRuns(home, short);
  await recordRuns(home, longer);
  const replays = () =>
    rows(home, 'SELECT DISTINCT axis_replay FROM lineage_wide WHERE axis_replay IS NOT NULL ORDER BY 1');
  assert.deepEqual(await replays(), [['0%'], ['5']]);
  assert.deepEqual(await rows(home, 'SELECT count(*) FROM lineages'), [[2]]);
  await withDatabase(home, 'write', (connection) => recordLineage(connection, short, digest));
  assert.deepEqual(await replays(), [['0%']]);
  assert.deepEqual(await rows(home, 'SELECT count(*), count(DISTINCT plan) FROM lineages'), [[2, 2]]);
});

test('two lineages that share nodes have them once, each under its own addresses', async (t) => {
  const home = await temporaryHome(t);
  await recordRuns(home, makePlan({ lineage: 'one', replay: ['0%'], seeds: [1] }));
  await recordRuns(home, makePlan({ lineage: 'two', replay: ['20%'], seeds: [1] }));
  assert.deepEqual(await rows(home, `SELECT count(*) FROM nodes WHERE type = 'pretrain'`), [[1]]);
  assert.deepEqual(await rows(home, `SELECT lineage, heldout_web_loss FROM lineage_wide WHERE stage = 'base'`), [
    ['one', 2.01],
    ['two', 2.01],
  ]);
  assert.deepEqual(await rows(home, 'SELECT lineage, count(*) FROM lineage_wide GROUP BY ALL ORDER BY 1'), [
    ['one', 4],
    ['two', 4],
  ]);
});

test('a plan is in the tables with its axes, edges and mixtures', async (t) => {
  const home = await temporaryHome(t);
  const plan = makePlan({ replay: ['20%', 0.5], seeds: [1, 2] });
  for (let i = 0; i < 2; i += 1) {
    await withDatabase(home, 'write', (connection) => recordLineage(connection, plan, 'a'.repeat(64)));
  }
  assert.deepEqual(await rows(home, 'SELECT lineage, title, nodes FROM lineages'), [
    ['replay', plan.title, plan.nodes.length],
  ]);
  assert.deepEqual(await rows(home, 'SELECT axis, place, value, number, replicate FROM axes'), [
    ['replay', 0, '20%', null, false],
    ['replay', 1, '0.5', 0.5, false],
    ['seed', 0, '1', 1, true],
    ['seed', 1, '2', 2, true],
  ]);
  assert.deepEqual(await rows(home, 'SELECT count(*), count(DISTINCT key) FROM nodes'), [
    [plan.nodes.length, plan.nodes.length],
  ]);
  const mid = plan.nodes.find(({ address }) => address === 'mid@replay=20%,seed=1');
  assert.deepEqual(
    await rows(home, `SELECT dataset, part, generator, sequences, share FROM mixtures WHERE key = '${mid?.key}'`),
    [
      ['math', 'text', 'arithmetic', 256, 0.8],
      ['web', 'text', 'stories', 64, 0.2],
    ],
  );
  assert.deepEqual(
    await rows(
      home,
      `SELECT ancestor, depth, ancestor_type, ordinal FROM ancestors WHERE address = 'rl@replay=0.5,seed=2' ORDER BY depth`,
    ),
    [
      ['rl@replay=0.5,seed=2', 0, 'rl', 1],
      ['tuned@replay=0.5,seed=2', 1, 'sft', 1],
      ['mid@replay=0.5,seed=2', 2, 'cpt', 1],
      ['base@seed=2', 3, 'pretrain', 1],
    ],
  );
});

test('a large lineage is recorded in little memory where there are figures already', async (t) => {
  const home = await temporaryHome(t);
  const numbers = (count: number) => Array.from({ length: count }, (_, at) => at + 1);
  const small = makePlan({ lineage: 'small', replay: [], seeds: numbers(100) });
  const evaluations = small.nodes.filter(({ type }) => type === 'evaluate');
  const inputs = await Promise.all(evaluations.map((node) => leaveEvents(home, node, asLines(makeEvents(node)))));
  // Where there is no folder to spill to, more memory is an error.
  const instance = await DuckDBInstance.create(':memory:', { memory_limit: '256MB', temp_directory: '' });
  t.after(() => instance.closeSync());
  const connection = await instance.connect();
  const inTransaction = async (work: () => Promise<unknown>): Promise<void> => {
    await connection.run('BEGIN');
    await work();
    await connection.run('COMMIT');
  };
  await inTransaction(async () => {
    await updateSchema(connection);
    await recordLineage(connection, small, 'small');
    await ingestAttempts(connection, inputs);
  });
  const large = makePlan({ lineage: 'large', replay: [], seeds: numbers(1500) });
  await inTransaction(() => recordLineage(connection, large, 'large'));
});
