import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import { pageActivity } from '../../activities/pages.ts';
import { planReader } from '../../activities/plans.ts';
import type { Plan, PlanNode } from '../../planner/plan.ts';
import { writePlan } from '../../store/plans.ts';
import type { Page } from '../../workflows/messages.ts';
import { Schedule } from '../../workflows/schedule.ts';
import { lineage, nodeAt, planOfText } from '../planner/plans.ts';
import { runNode } from '../results/run.ts';

/** A home of the test's own, and the activity that reads pages of plans that are frozen there. */
async function prepare(t: TestContext, plan: Plan) {
  const home = mkdtempSync(join(tmpdir(), 'descent-pages-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  const planDigest = await writePlan(home, plan);
  const readPage = pageActivity(home, planReader(home));
  const read = (from: number): Promise<Page> =>
    new MockActivityEnvironment().run(readPage, { planDigest, from, device: 'cpu' });
  return { home, read };
}

/** Runs a plan as the lineage workflow does, each node done as soon as it starts. Gives the places that ran, in order. */
async function play(plan: Plan, read: (from: number) => Promise<Page>): Promise<number[]> {
  const schedule = new Schedule(plan.nodes.length);
  const ran: number[] = [];
  for (;;) {
    const from = schedule.nextPage;
    if (from !== undefined) schedule.load(await read(from));
    let started = false;
    for (let place = schedule.take(); place !== undefined; place = schedule.take()) {
      schedule.settle(place, 'done');
      ran.push(place);
      started = true;
    }
    if (from === undefined && !started) break;
  }
  assert.equal(schedule.finished, true, `it hangs: ${JSON.stringify(schedule.counts)}`);
  return ran;
}

test('what stands at two addresses is waited for at the first, however many nodes are between', async (t) => {
  const rates = Array.from({ length: 1100 }, (_, index) => `${index + 1}e-6`);
  const text = lineage({
    base: '{model: nano, data: web, tokens: 40K}}\n  mids: {cpt: {from: base, tokens: 20K, batch: 512, mix: {math: 1}, lr: "{lr}"}',
    mid: '{from: again, tokens: 20K, batch: 512, mix: {math: 1, replay: 20%}}',
    axes: `{lr: [${rates.join(', ')}]}`,
    evaluate: '{each: [tuned], suites: [heldout]}',
  }).replace('  mid:', '  again: {pretrain: {model: nano, data: web, tokens: 40K}}\n  mid:');
  const plan = await planOfText(text);
  const place = (address: string) => plan.nodes.indexOf(nodeAt(plan, address));
  const [base, again] = [place('base'), place('again')];
  assert.equal(nodeAt(plan, 'base').key, nodeAt(plan, 'again').key);
  assert.ok(again - base > 1000);

  const { read } = await prepare(t, plan);
  for (let from = 0; from < plan.nodes.length; ) {
    const { nodes } = await read(from);
    for (const [offset, { parents }] of nodes.entries())
      for (const parent of parents) assert.ok(parent < from + offset, `${parent} before ${from + offset}`);
    from += nodes.length;
  }
  assert.deepEqual((await read(place('mid'))).nodes[0]?.parents, [base]);
  assert.equal((await play(plan, read)).length, plan.nodes.length);
});

test('a trunk is not trained where all that goes on from it is published', async (t) => {
  const plan = await planOfText(
    lineage({
      base: '{model: nano, data: web, batch: 512, tokens: "{budget}", schedule: wsd, warmup: 5K}',
      axes: '{budget: [40K, 80K, 160K]}',
      evaluate: '{each: [base], suites: [heldout]}',
    }),
  );
  const { home, read } = await prepare(t, plan);
  const ran = async () => {
    const places = await play(plan, read);
    return places.map((index) => (plan.nodes[index] as PlanNode).address).filter((address) => /^base/.test(address));
  };
  for (const budget of ['80K', '160K']) await runNode(home, nodeAt(plan, `base@budget=${budget}`));
  assert.deepEqual(
    (await ran()).filter((address) => !address.endsWith('/heldout')),
    ['base@budget=40K/trunk', 'base@budget=40K'],
  );
  await runNode(home, nodeAt(plan, 'base@budget=40K'));
  assert.deepEqual(
    (await ran()).filter((address) => !address.endsWith('/heldout')),
    [],
  );
});
