import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { earlierResponses } from '../../activities/responses.ts';
import { preimageOf, recipeIdentity } from '../../planner/identity.ts';
import { keyOf } from '../../planner/key.ts';
import type { PlanNode } from '../../planner/plan.ts';
import { graderVersion } from '../../schemas/catalogue.ts';
import { publish } from '../../store/artifact.ts';
import { fixture, nodeAt, planOf } from '../planner/plans.ts';
import { begun, leaveFiles, publication, temporaryHome } from '../store/support.ts';

type Evaluation = Extract<PlanNode, { type: 'evaluate' }>;

/** An evaluation as it would be planned with a grader of another version. */
function graded(node: Evaluation, grader: number, samples?: number): Evaluation {
  assert.ok(node.recipe.kind === 'problems');
  const recipe = { ...node.recipe, grader, samples: samples ?? node.recipe.samples };
  const { parents } = node.preimage;
  const identity = recipeIdentity({ type: 'evaluate', recipe }, {});
  const preimage = preimageOf('evaluate', identity, node.seed, parents as Record<string, never>);
  return { ...node, recipe, preimage, key: keyOf(preimage) };
}

test('an evaluation takes the responses that the newest earlier grader read, and no others', async (t) => {
  const home = await temporaryHome(t);
  const planned = nodeAt(await planOf(fixture('replay.yaml')), 'base@seed=1/ood');
  assert.ok(planned.type === 'evaluate');
  const [first, second, fourth] = [0, 1, 3].map((more) => graded(planned, graderVersion + more)) as [
    Evaluation,
    Evaluation,
    Evaluation,
  ];
  assert.equal(first.key, planned.key);
  assert.equal(await earlierResponses(home, first), undefined);
  assert.equal(await earlierResponses(home, fourth), undefined);
  for (const node of [first, second]) {
    const attempt = await begun(home, node);
    await leaveFiles(attempt);
    await publish(attempt, publication(attempt, node.preimage));
    const found = (await earlierResponses(home, fourth)) as string;
    assert.ok(found.includes(node.key), `of ${found}`);
    assert.match(readFileSync(found, 'utf8'), /interrupted/);
  }
  assert.equal(
    await earlierResponses(home, graded(planned, graderVersion + 3, 8)),
    undefined,
    'other samples are other responses',
  );
});
