import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { planLineage } from '../../planner/expand.ts';
import { loadLineage } from '../../planner/load.ts';
import type { Plan } from '../../planner/plan.ts';
import type { FindStored } from '../../planner/stored.ts';
import { runQuery } from '../../results/query.ts';
import { rebuildResults } from '../../results/rebuild.ts';
import { lineage, nodeAt } from '../planner/plans.ts';
import { temporaryHome } from '../store/support.ts';
import { recordRuns, runLineage } from './run.ts';

/*
 *   original:  base ─▶ mid ─▶ tuned ─▶ rl
 *   accepting: base* ─▶ mid* ─▶ [tuned] ─▶ rl: base edited, mid anew, the original's tuned and its tokenizer kept
 */
const evaluate = '{each: [base, tuned], suites: [heldout, id]}';
const data =
  '  web: {generator: stories}\n  math: {generator: arithmetic, options: {maximum: 30}}\n  mine: {files: problems.jsonl}';
const tuned = '{from: mid, data: mine/problems, examples: 10}';
const edited = '{model: nano, data: math, tokens: 80K, lr: 2e-3}';

async function planAt(folder: string, text: string, findStored?: FindStored): Promise<Plan> {
  const file = join(folder, 'lineage.yaml');
  await writeFile(file, text);
  await writeFile(join(folder, 'problems.jsonl'), '{"prompt": "1 + 1 =", "answer": "2"}\n');
  const loaded = await loadLineage(file);
  const planned = loaded.ok ? await planLineage(loaded.lineage, findStored && { findStored }) : loaded;
  return planned.ok ? planned.plan : assert.fail(JSON.stringify(planned.diagnostics));
}

/** A lineage, and the same edited, standing on a model of the first. */
async function plans(folder: string, kept = 'tuned'): Promise<{ original: Plan; accepting: Plan }> {
  const original = await planAt(folder, lineage({ data, tuned, evaluate }));
  const own = await planAt(folder, lineage({ data, tuned, evaluate, base: edited }));
  const [key, instead] = [original, own].map((plan) => nodeAt(plan, kept).key);
  const rest = `accept: [{node: ${kept}, key: "${key}", instead: "${instead}", reason: the edit came too late}]`;
  const accepting = await planAt(folder, lineage({ data, tuned, evaluate, base: edited, rest }), (prefix) =>
    original.nodes
      .filter(({ key }) => key.startsWith(prefix))
      .map(({ key, type, address, preimage, architecture }) => {
        return { key, state: 'done', type, address, preimage, architecture };
      }),
  );
  assert.ok(nodeAt(accepting, kept).accepted);
  return { original, accepting: { ...accepting, lineage: 'accepting' } };
}

async function made(home: string): Promise<unknown> {
  const table = async (name: string) => (await runQuery(home, `FROM ${name} ORDER BY ALL`)).rows;
  return { nodes: await table('nodes'), edges: await table('edges'), mixtures: await table('mixtures') };
}

test('what an accepted artifact was made of does not depend on which plan was recorded first', async (t) => {
  const found = [];
  for (const accepted of ['last', 'first']) {
    const home = await temporaryHome(t);
    const { original, accepting } = await plans(home);
    for (const plan of accepted === 'last' ? [original, accepting] : [accepting, original])
      await runLineage(home, plan);
    const { rows } = await runQuery(home, `FROM edges WHERE child = '${nodeAt(original, 'tuned').key}' ORDER BY role`);
    assert.deepEqual(
      rows.map(([, role, parent]) => [role, parent]),
      [
        ['data:mine', nodeAt(original, 'data:mine').key],
        ['parent', nodeAt(original, 'mid').key],
      ],
    );
    const before = await made(home);
    await rm(join(home, 'results.duckdb'));
    await rebuildResults(home);
    assert.deepEqual(await made(home), before, accepted);
    found.push(before);
  }
  assert.deepEqual(found[0], found[1]);
});

test('an artifact whose own plan is not recorded is there as its pre-image has it', async (t) => {
  const home = await temporaryHome(t);
  const { original, accepting } = await plans(home);
  await runLineage(home, accepting);
  const [mid, mine, kept] = ['mid', 'data:mine', 'tuned'].map((address) => nodeAt(original, address).key);
  const role = `data:${mine?.slice(0, 12)}`;
  assert.deepEqual((await runQuery(home, `SELECT role, parent FROM edges WHERE child = '${kept}' ORDER BY 1`)).rows, [
    [role, mine],
    ['parent', mid],
  ]);
  assert.deepEqual(
    (await runQuery(home, `SELECT dataset, part, source::VARCHAR FROM mixtures WHERE key = '${kept}'`)).rows,
    [[null, 'problems', `{"prepared":"${role}"}`]],
  );
});

test('all of a pre-image but the names is in its mixture, with the options that it leaves out', async (t) => {
  const [home, theirs] = [await temporaryHome(t), await temporaryHome(t)];
  const { original, accepting } = await plans(home, 'mid');
  await recordRuns(home, accepting);
  await recordRuns(theirs, original);
  const sql = `FROM mixtures WHERE key = '${nodeAt(original, 'mid').key}' ORDER BY place`;
  const unnamed = (at: string) => runQuery(at, `SELECT * EXCLUDE dataset ${sql}`);
  const { rows } = await unnamed(home);
  assert.equal(rows.length, 2);
  assert.deepEqual(rows, (await unnamed(theirs)).rows);
  assert.deepEqual((await runQuery(home, `SELECT dataset ${sql}`)).rows, [[null], [null]]);
});
