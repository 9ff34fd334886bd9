import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { planDigest, sha256 } from '../../planner/key.ts';
import type { Plan } from '../../planner/plan.ts';
import { readPlan, writePlan } from '../../store/plans.ts';
import { temporaryHome } from './support.ts';

const plan: Plan = {
  plan: 1,
  lineage: 'tiny',
  title: null,
  file: '/x/tiny.yaml',
  axes: {},
  declared: { lineage: 'tiny', models: {}, data: {}, stages: {} },
  nodes: [],
};

test('a plan is frozen under its digest and read back', async (t) => {
  const home = await temporaryHome(t);
  const digest = await writePlan(home, plan);
  assert.equal(digest, planDigest(plan));
  assert.equal(await writePlan(home, { ...plan }), digest);
  assert.deepEqual(await readPlan(home, digest), plan);
  assert.equal(sha256(await readFile(join(home, 'plans', `${digest}.json`), 'utf8')), digest);
});

test('a plan that was changed or is missing is an error', async (t) => {
  const home = await temporaryHome(t);
  const digest = await writePlan(home, plan);
  const path = join(home, 'plans', `${digest}.json`);
  await writeFile(path, (await readFile(path, 'utf8')).replace('tiny', 'tony'));
  await assert.rejects(readPlan(home, digest), {
    name: 'StoreError',
    message: /is damaged: its content does not hash/,
  });
  await assert.rejects(readPlan(home, '0'.repeat(64)), { name: 'StoreError', message: /cannot read the plan/ });
});
