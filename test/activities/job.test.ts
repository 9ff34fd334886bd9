import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jobFor } from '../../activities/job.ts';
import type { PlanNode } from '../../planner/plan.ts';
import type { Artifact } from '../../store/inspect.ts';
import { fixture, nodeAt, planOf } from '../planner/plans.ts';

test('a job has the folder of each model, tokenizer and trunk that its node goes on from', async () => {
  const plan = await planOf(fixture('trunks.yaml'));
  const inputsOf = (node: PlanNode) => {
    const parents = Object.fromEntries(
      Object.keys(node.parents).map((role) => [role, { folder: `/store/${role}`, model: 'model' } as Artifact]),
    );
    const attempt = {
      key: node.key,
      number: 1,
      folder: '/attempt',
      token: 't',
      leasePath: '/attempt/lease.json',
      startedAt: '',
      executions: 1,
    };
    return jobFor(node, { attempt, parents, device: 'cpu', threads: 1 }).inputs;
  };
  const [tokenizer, parent] = ['/store/tokenizer/model', '/store/parent/model'];
  const trunkOf = (address: string) => {
    const node = nodeAt(plan, address);
    assert.ok(node.type === 'trunk');
    return { folder: '/store/trunk/model', steps: node.recipe.steps };
  };
  const trunk = trunkOf('base@budget=40K/trunk');
  assert.deepEqual(inputsOf(nodeAt(plan, 'base@budget=40K/trunk')), { tokenizer, data: {} });
  assert.deepEqual(inputsOf(nodeAt(plan, 'base@budget=80K/trunk')), { tokenizer, trunk, data: {} });
  assert.deepEqual(inputsOf(nodeAt(plan, 'base@budget=80K')), {
    tokenizer,
    trunk: trunkOf('base@budget=80K/trunk'),
    data: {},
  });
  assert.deepEqual(inputsOf(nodeAt(plan, 'mid@more=20K/trunk')), { parent, data: {} });
  assert.deepEqual(inputsOf(nodeAt(plan, 'mid@more=20K')), {
    parent,
    trunk: trunkOf('mid@more=20K/trunk'),
    data: {},
  });
  assert.deepEqual(inputsOf(nodeAt(plan, 'flat')), { tokenizer, data: {} });
});
