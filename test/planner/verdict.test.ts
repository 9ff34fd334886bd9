import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { forceNodes } from '../../planner/force.ts';
import type { Key, Plan } from '../../planner/plan.ts';
import { reasonText } from '../../planner/reason.ts';
import { judge, lineageWord, type NodeState, type Verdict } from '../../planner/verdict.ts';
import { lineage, nodeAt, planOfText } from './plans.ts';

describe('judge', async () => {
  const plan = await planOfText(lineage({ evaluate: '{each: [rl], suites: [id]}' }));
  const verdict = (address: string, states: Record<string, NodeState>) => {
    const byKey = new Map(Object.entries(states).map(([at, state]) => [nodeAt(plan, at).key, state]));
    return judge(plan, (key) => byKey.get(key) ?? { state: 'none' }).get(nodeAt(plan, address).key);
  };

  test('nothing is there: it runs, as new', () => {
    assert.deepEqual(verdict('mid', {}), { verdict: 'run', reason: { kind: 'new' } });
  });
  test('done: it is reused', () => {
    const state: NodeState = { state: 'done', attempt: 2, finishedAt: '2026-09-12T08:00:00.000Z' };
    assert.deepEqual(verdict('mid', { mid: state }), {
      verdict: 'reuse',
      reason: { kind: 'done', attempt: 2, finishedAt: '2026-09-12T08:00:00.000Z' },
    });
  });
  test('forced though done: it runs again, older attempts do not count, and keys stay', () => {
    const mid = nodeAt(plan, 'mid');
    const forced = forceNodes(plan, [mid], () => 2);
    assert.deepEqual(
      forced.nodes.map(({ key }) => key),
      plan.nodes.map(({ key }) => key),
    );
    const attempts = new Map([[mid.key, 2]]);
    const state = (key: string, from = 1): NodeState => {
      const attempt = attempts.get(mid.key) ?? 0;
      if (key === mid.key && attempt < from) return { state: 'none' };
      return { state: 'done', attempt: key === mid.key ? attempt : 1, finishedAt: '2026-09-12T08:00:00.000Z' };
    };
    const verdict = judge(forced, state).get(mid.key);
    assert.deepEqual(verdict, { verdict: 'run', reason: { kind: 'forced', attempt: 3 } });
    assert.equal(verdict && reasonText(mid, verdict), 'forced: attempt 3, and attempt 2 is kept');
    assert.equal(judge(forced, state).get(nodeAt(plan, 'rl').key)?.verdict, 'reuse', 'what goes on from it stays');
    attempts.set(mid.key, 3);
    assert.equal(judge(forced, state).get(mid.key)?.verdict, 'reuse', 'the attempt that was asked for is done');
  });
  test('forced by words that were given before: what that run asked for, once it has some of it', () => {
    const [mid, rl] = [nodeAt(plan, 'mid'), nodeAt(plan, 'rl')];
    const attempts = (begun: [key: Key, attempt: number][]) => {
      const { nodes } = forceNodes(plan, [mid, rl], () => 2, new Map(begun));
      return [mid, rl].map(({ key }) => nodes.find((node) => node.key === key)?.attempt);
    };
    assert.deepEqual(attempts([[mid.key, 2]]), [2, 3], 'it has attempt 2, and keeps it');
    assert.deepEqual(
      attempts([
        [mid.key, 3],
        [rl.key, 7],
      ]),
      [3, 3],
      'attempts count on from those that are there',
    );
  });
  test('a lineage’s word is the least usual of its nodes’', () => {
    const done: Verdict = { verdict: 'reuse', reason: { kind: 'done', attempt: 1, finishedAt: '' } };
    const fresh: Verdict = { verdict: 'run', reason: { kind: 'new' } };
    const begun: Verdict = { verdict: 'resume', reason: { kind: 'checkpoint', attempt: 1, step: 1, steps: 2 } };
    const forced: Verdict = { verdict: 'run', reason: { kind: 'forced', attempt: 2 } };
    assert.equal(lineageWord([done]), 'reuse');
    assert.equal(lineageWord([done, fresh]), 'run');
    assert.equal(lineageWord([fresh, begun, done]), 'resume');
    assert.equal(lineageWord([begun, forced, fresh]), 'forced');
  });
  test('forced, and never done: it runs as it would have', () => {
    assert.deepEqual(
      forceNodes(plan, [nodeAt(plan, 'mid')], () => undefined),
      plan,
    );
  });
  test('damaged: it runs again, with the reason', () => {
    const reason = 'attempt 1: model/model.safetensors is missing';
    assert.deepEqual(verdict('mid', { mid: { state: 'damaged', reason } }), {
      verdict: 'run',
      reason: { kind: 'damaged', what: reason },
    });
  });
  test('stopped after a checkpoint: it resumes there', () => {
    const state: NodeState = { state: 'partial', attempt: 1, step: 12 };
    assert.deepEqual(verdict('mid', { mid: state }), {
      verdict: 'resume',
      reason: { kind: 'checkpoint', attempt: 1, step: 12, steps: 39 },
    });
    assert.deepEqual(verdict('rl', { rl: state }), {
      verdict: 'resume',
      reason: { kind: 'checkpoint', attempt: 1, step: 12, steps: null },
    });
  });
  test('stopped before one: it runs from the beginning', () => {
    const state: NodeState = { state: 'partial', attempt: 1, step: null };
    assert.deepEqual(verdict('mid', { mid: state }), {
      verdict: 'run',
      reason: { kind: 'stopped', attempt: 1 },
    });
  });
  test('failed in its newest attempt: the reason says so, with a checkpoint and without', () => {
    const failure = { kind: 'diverged', message: 'loss became NaN at step 13: training diverged. Try a smaller lr.' };
    const reasonOf = (step: number | null) => {
      const failed = verdict('mid', { mid: { state: 'partial', attempt: 1, step, failure } });
      assert.deepEqual(
        failed?.reason.kind === 'stopped' || failed?.reason.kind === 'checkpoint' ? failed.reason.failure : undefined,
        failure,
      );
      return failed && reasonText(nodeAt(plan, 'mid'), failed);
    };
    assert.equal(reasonOf(null), 'attempt 1 failed: loss became NaN at step 13: training diverged (diverged)');
    assert.equal(
      reasonOf(12),
      'attempt 1, step 12 of 39, failed: loss became NaN at step 13: training diverged (diverged)',
    );
  });
  test('done, though its parent has to run again: its key covers the parent', () => {
    const done: NodeState = { state: 'done', attempt: 1, finishedAt: '2026-09-12T08:00:00.000Z' };
    assert.equal(verdict('tuned', { tuned: done, mid: { state: 'damaged', reason: 'gone' } })?.verdict, 'reuse');
  });
  test('planned before under this key, and not there: nothing changed, and no change is made up', () => {
    const nothing = (): NodeState => ({ state: 'none' });
    const key = nodeAt(plan, 'mid').key;
    assert.deepEqual(judge(plan, nothing, [plan]).get(key), { verdict: 'run', reason: { kind: 'missing' } });
    assert.equal(
      reasonText(nodeAt(plan, 'mid'), { verdict: 'run', reason: { kind: 'missing' } }).slice(0, 14),
      'planned before',
    );
  });
  test('planned before under this key and under another one earlier: both are told', async () => {
    const other = await planOfText(lineage({ mid: '{from: base, tokens: 20K, mix: {math: 1}}' }));
    const now = await planOfText(lineage({ mid: '{from: base, tokens: 10K, mix: {math: 1}}' }));
    const node = nodeAt(now, 'mid');
    const after = (earlier: Plan[]) => judge(now, () => ({ state: 'none' }), earlier).get(node.key);
    const changed = after([other]);
    assert.ok(changed?.reason.kind === 'changed');
    assert.equal(reasonText(node, changed), 'tokens 20K → 10K');
    const planned = after([now, other]);
    assert.deepEqual(planned, { ...changed, reason: { ...changed.reason, planned: true } });
    assert.equal(reasonText(node, planned), 'tokens 20K → 10K; planned so before, and not in the store');
    assert.deepEqual(after([other, now]), changed, 'what was planned before the change is no matter');
  });
  test('every node has a verdict, and each key is asked for once', () => {
    const asked: string[] = [];
    const verdicts = judge(plan, (key) => {
      asked.push(key);
      return { state: 'none' };
    });
    assert.equal(verdicts.size, new Set(plan.nodes.map((node) => node.key)).size);
    assert.equal(new Set(asked).size, asked.length);
  });
});
