/** Views, which read what is kept of plans and attempts, against their definitions in plain.sql, on lineages that are made up at random. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import type { DuckDBConnection } from '@duckdb/node-api';
import { keyOf } from '../../planner/key.ts';
import type { Json, Plan, PlanNode } from '../../planner/plan.ts';
import { withDatabase } from '../../results/database.ts';
import { ingestAttempts } from '../../results/ingest.ts';
import { keepAllPlans, keptTables } from '../../results/kept.ts';
import { runQuery } from '../../results/query.ts';
import { recordLineage } from '../../results/record.ts';
import type { IngestInput } from '../../results/staging.ts';
import type { TrainerEvent } from '../../schemas/types/event.ts';
import { type Random, random } from '../../trainer/random.ts';
import { temporaryHome } from '../store/support.ts';
import { asLines } from './events.ts';
import { makePlan } from './lineage.ts';
import { leaveEvents } from './run.ts';

const definitions = new URL('../../../test/results/plain.sql', import.meta.url);

const views = [
  'latest_attempts',
  'latest_facts',
  'latest_evaluations',
  'models',
  'ancestors',
  'model_settings',
  'model_figures',
  'model_recipes',
  'sourced_figures',
  'model_panels',
  'takeaway_models',
  'takeaway_figures',
  'seeds',
  'forgetting',
];

for (const seed of [2, 7])
  test(`random lineages ${seed}: views show what their definitions say`, async (t) => {
    const home = await temporaryHome(t);
    const plans = ['one', 'two'].flatMap((lineage, place) => versions(lineage, seed + 100 * place));
    await live(home, plans, random(seed, 'life'));
    const counts = await withDatabase(home, 'write', compareAll);
    for (const [view, rows] of Object.entries(counts)) ok(rows > 0, `${view} has rows to compare`);
  });

test('what is kept is the same when it is found anew for all plans', async (t) => {
  const home = await temporaryHome(t);
  await live(home, versions('one', 7), random(7, 'life'));
  const dump = async () => {
    const tables = keptTables().map(async (table) => (await runQuery(home, `FROM ${table} ORDER BY ALL`)).rows);
    return Promise.all(tables);
  };
  const before = await dump();
  await withDatabase(home, 'write', keepAllPlans);
  deepEqual(await dump(), before);
  equal(before.length, 3);
});

test('a file from before there was anything kept is brought up to date', async (t) => {
  const home = await temporaryHome(t);
  await live(home, versions('one', 8), random(8, 'life'));
  await withDatabase(home, 'write', async (connection) => {
    for (const table of keptTables()) await connection.run(`DROP TABLE ${table}`);
    await connection.run('ALTER TABLE attempts DROP latest');
    for (const column of ['chance', 'majority', 'only_task'])
      await connection.run(`ALTER TABLE evaluations DROP ${column}`);
    await connection.run('DROP TABLE suites');
    await connection.run("DELETE FROM schema_versions WHERE part IN ('011-kept', '012-latest', 'kept', 'views')");
  });
  await withDatabase(home, 'write', compareAll);
});

test('forgetting beside hundreds of models takes neither their square in time nor in memory', async (t) => {
  const home = await lineageOf(t, 300);
  const begun = performance.now();
  const { rows } = await runQuery(home, 'SELECT count(*) FROM forgetting', {}, { timeoutSeconds: 30 });
  ok(Number(rows[0]?.[0]) === 300 * 3 * 2, String(rows[0]?.[0]));
  ok(performance.now() - begun < 30_000);
});

/** Compares each view with its definition, both ways; gives their rows. */
async function compareAll(connection: DuckDBConnection): Promise<Record<string, number>> {
  await connection.run(await readFile(definitions, 'utf8'));
  const count = async (sql: string) => Number((await connection.runAndReadAll(sql)).getRows()[0]?.[0]);
  const counts: Record<string, number> = {};
  for (const view of views) {
    const columns = await connection.runAndReadAll(
      `SELECT string_agg(column_name, ', ' ORDER BY column_index) FROM duckdb_columns() WHERE table_name = 'plain_${view}'`,
    );
    const [is, said] = [view, `plain_${view}`].map(
      (name) => `SELECT ${String(columns.getRows()[0]?.[0])} FROM ${name}`,
    );
    equal(await count(`SELECT count(*) FROM (${is} EXCEPT ALL ${said})`), 0, `${view} shows more`);
    equal(await count(`SELECT count(*) FROM (${said} EXCEPT ALL ${is})`), 0, `${view} shows less`);
    counts[view] = await count(`SELECT count(*) FROM ${view}`);
  }
  return counts;
}

/** Records plans, and ingests attempts of all kinds at their nodes, in an order and in portions that chance has. */
async function live(home: string, plans: readonly Plan[], luck: Random): Promise<void> {
  const nodes = [...new Map(plans.flatMap((plan) => plan.nodes.map((node) => [node.key, node] as const))).values()];
  const [heldout, id] = [drawShares(luck), drawShares(luck)];
  const inputs: IngestInput[] = [];
  for (const node of nodes) {
    const attempts = luck.uniform() < 0.2 ? 3 : 1;
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      const run = await leaveEvents(
        home,
        node,
        asLines(eventsOf(node, luck, node.address.endsWith('/id') ? id : heldout)),
        attempt,
      );
      if (luck.uniform() < 0.05) continue;
      const unfinished = attempt > 1 && luck.uniform() < 0.4;
      const facts = node.type === 'rl' && luck.uniform() < 0.3 ? { collapse: 'reward' } : run.manifest.facts;
      inputs.push({ ...run, manifest: unfinished ? null : { ...run.manifest, facts } });
    }
  }
  const order = luck.shuffle(inputs);
  const portions = [order.slice(0, 20), order.slice(20), order.slice(10, 40)];
  for (const [at, plan] of [...plans, plans[0] as Plan].entries())
    await withDatabase(home, 'write', async (connection) => {
      await recordLineage(connection, plan, keyOf({ plan: plan.lineage, title: String(plan.title) }));
      await ingestAttempts(connection, portions[at % portions.length] as IngestInput[]);
    });
}

/** A lineage as it was run first, and as it was edited. */
function versions(lineage: string, seed: number): Plan[] {
  const luck = random(seed, lineage);
  const plan = makePlan({ lineage, replay: ['0%', '20%', 5], seeds: [1, 2, 3], long: luck.uniform() < 0.5 });
  const nodes = plan.nodes.map((node) => varied(node, luck));
  const whole = [...nodes, ...twins(nodes, luck)];
  const edited = whole.filter(({ axes }) => axes.replay !== 5);
  return [
    { ...plan, title: `${lineage} whole`, nodes: whole },
    { ...plan, title: `${lineage} edited`, nodes: edited },
  ];
}

/** Settings of all kinds: amounts, what shows in a digest alone, and what makes a mark. */
function varied(node: PlanNode, luck: Random): PlanNode {
  if (node.type === 'evaluate' || node.type === 'tokenizer') return node;
  const maybe = (settings: PlanNode['settings']) => (luck.uniform() < 0.5 ? settings : {});
  const settings = {
    ...node.settings,
    ...maybe({ model: 'nano' }),
    ...maybe({ replayTokens: 1000, tokens: 4000 }),
    ...maybe({ beta: 0.9, beta1: 0.8, data: 'math' }),
    ...maybe({ warmup: null, epochs: 1 + Math.floor(3 * luck.uniform()) }),
    ...(luck.uniform() < 0.1 && { allowOverlap: 'to see what happens' }),
  };
  return { ...node, settings };
}

/** Stages that are told the same as others, so that they are the same nodes; some are asked again, and otherwise. */
function twins(nodes: readonly PlanNode[], luck: Random): PlanNode[] {
  return nodes
    .filter(({ stage, type }) => stage === 'tuned' && type === 'sft')
    .filter(() => luck.uniform() < 0.6)
    .flatMap((model) => {
      const address = `twin${model.address.slice('tuned'.length)}`;
      const asked = nodes.filter(({ type, parents }) => type === 'evaluate' && parents.parent === model.key);
      const evaluations = asked.map((node): PlanNode => {
        const suite = node.address.slice(node.address.lastIndexOf('/'));
        const twin = { ...node, stage: 'twin', address: address + suite };
        if (luck.uniform() < 0.4) return twin;
        const preimage = {
          ...node.preimage,
          recipe: { ...(node.preimage.recipe as { [name: string]: Json }), problems: 7 },
        };
        return { ...twin, preimage, key: keyOf(preimage) };
      });
      return [{ ...model, stage: 'twin', address }, ...evaluations];
    });
}

/** How likely an evaluation has one task only, and else their mean beside several. */
interface Shares {
  single: number;
  mean: number;
}

function drawShares(luck: Random): Shares {
  return { single: luck.integer(3) / 2, mean: luck.integer(3) / 2 };
}

function eventsOf(node: PlanNode, luck: Random, { single, mean }: Shares): TrainerEvent[] {
  const started: TrainerEvent = {
    event: 'started',
    resumedFrom: null,
    steps: 1,
    device: 'cpu',
    engine: 'descent 0.1.0',
  };
  const done: TrainerEvent = { event: 'done', step: 1, tokens: 1, model: null, facts: {} };
  if (node.type !== 'evaluate') return [started, done];
  const { suite } = node.recipe;
  const several = luck.uniform() < mean ? ['all', 'math', 'web'] : ['math', 'web'];
  const tasks = luck.uniform() < single ? ['math'] : several;
  const metrics =
    suite === 'heldout' ? ['loss', 'perplexity'] : ['pass@1', 'pass@4', 'maj@4', 'maj@8', 'orm', 'chance', 'majority'];
  const figures = tasks.flatMap((task) =>
    metrics
      .filter(() => luck.uniform() < 0.8)
      .map((metric): TrainerEvent => {
        const value = luck.uniform();
        return { event: 'evaluation', suite, task, metric, value, n: 9, low: value - 0.1, high: value + 0.1 };
      }),
  );
  return [started, ...figures, done];
}

/** A home with a lineage of bases with two models after each, all evaluated on loss. */
async function lineageOf(t: TestContext, bases: number): Promise<string> {
  const home = await temporaryHome(t);
  const plan = makePlan({ replay: ['0%'], seeds: Array.from({ length: bases }, (_, seed) => seed + 1) });
  const nodes = plan.nodes.filter(({ stage }) => stage !== 'rl');
  const evaluations = nodes.filter(({ type, address }) => type === 'evaluate' && address.endsWith('/heldout'));
  const inputs: IngestInput[] = [];
  for (const node of evaluations) inputs.push(await leaveEvents(home, node, asLines(lossesOf(node))));
  await withDatabase(home, 'write', async (connection) => {
    await recordLineage(connection, { ...plan, nodes }, 'a'.repeat(64));
    await ingestAttempts(connection, inputs);
  });
  return home;
}

function lossesOf(node: PlanNode): TrainerEvent[] {
  return ['math', 'web'].map((task): TrainerEvent => {
    const value = node.address.length;
    return { event: 'evaluation', suite: 'heldout', task, metric: 'loss', value, n: 9, low: value, high: value };
  });
}
