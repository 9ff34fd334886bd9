import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withDatabase } from '../../results/database.ts';
import { runQuery } from '../../results/query.ts';
import { recordLineage } from '../../results/record.ts';
import { finishedRuns } from '../../results/speeds.ts';
import { fixture, nodeAt, planOf } from '../planner/plans.ts';
import { temporaryHome } from '../store/support.ts';
import { asLines, makeEvents } from './events.ts';
import { ingestPlan, leaveEvents } from './run.ts';

test('trunks have curves and edges, but are no models: what branches off them has its settings', async (t) => {
  const home = await temporaryHome(t);
  const plan = await planOf(fixture('trunks.yaml'));
  const rows = async (sql: string) => (await runQuery(home, sql)).rows;
  const inputs = [];
  for (const node of plan.nodes) {
    const steps = (node.settings.steps as number | undefined) ?? 20;
    const events = makeEvents(node, { steps, from: node.startsAt ?? null });
    inputs.push(await leaveEvents(home, node, asLines(events)));
  }
  await ingestPlan(home, plan, inputs);

  const evaluated = plan.nodes.filter(({ stage, type }) => /^(base|mid)$/.test(stage) && /^(pretrain|cpt)$/.test(type));
  assert.deepEqual(
    await rows('SELECT address, pretrain_tokens, pretrain_decay_steps FROM lineage_wide'),
    evaluated.map(({ address, type, settings }) => {
      const { tokens, decaySteps } = type === 'pretrain' ? settings : nodeAt(plan, 'base@budget=40K').settings;
      return [address, tokens, decaySteps];
    }),
  );
  assert.deepEqual(await rows("SELECT count(*) FROM models WHERE type = 'trunk'"), [[0]]);

  const trunk = nodeAt(plan, 'base@budget=40K/trunk');
  const { steps } = nodeAt(plan, 'base@budget=40K').settings;
  const curve = `SELECT type, min(step), max(step) FROM curves WHERE metric = 'loss' AND address`;
  assert.deepEqual(await rows(`${curve} = '${trunk.address}' GROUP BY type`), [['trunk', 1, trunk.settings.steps]]);
  const after = (trunk.settings.steps as number) + 1;
  assert.deepEqual(await rows(`${curve} = 'base@budget=40K' GROUP BY type`), [['pretrain', after, steps]]);
  const branches = `SELECT count(*) FROM edges WHERE role = 'trunk' AND parent = '${trunk.key}'`;
  assert.deepEqual(await rows(branches), [[2]], 'its branch, and the longer trunk');

  // What went on from a trunk says nothing of how long its recipe takes.
  const timed = (await finishedRuns(home)).filter(({ type }) => type === 'pretrain' || type === 'trunk');
  assert.deepEqual(timed.map(({ type, recipe }) => [type, recipe.steps]).sort(), [
    ['pretrain', nodeAt(plan, 'flat').settings.steps],
    ['trunk', nodeAt(plan, 'mid@more=20K/trunk').settings.steps],
    ['trunk', trunk.settings.steps],
  ]);
});

test('a node that goes on from another trunk in a later plan has that one', async (t) => {
  const home = await temporaryHome(t);
  const plan = await planOf(fixture('trunks.yaml'));
  const [short, long] = [nodeAt(plan, 'base@budget=40K/trunk'), nodeAt(plan, 'base@budget=80K/trunk')];
  const alone = plan.nodes.map((node) => {
    if (node !== long) return node;
    const { startsAt: _, parents, ...same } = long;
    return { ...same, parents: { tokenizer: parents.tokenizer as typeof long.key } } as typeof long;
  });
  const trunkOf = async () =>
    (await runQuery(home, `SELECT parent FROM edges WHERE role = 'trunk' AND child = '${long.key}'`)).rows;
  await withDatabase(home, 'write', (connection) =>
    recordLineage(connection, { ...plan, nodes: alone }, 'a'.repeat(64)),
  );
  assert.deepEqual(await trunkOf(), []);
  await withDatabase(home, 'write', (connection) => recordLineage(connection, plan, 'b'.repeat(64)));
  assert.deepEqual(await trunkOf(), [[short.key]]);
});
