import assert from 'node:assert/strict';
import { test } from 'node:test';
import { watchQueues } from '../../cli/queues.ts';
import { progressText } from '../../cli/render/sentences.ts';
import type { Key } from '../../planner/plan.ts';
import type { QueueReason } from '../../workflows/messages.ts';

const limit: QueueReason = { reason: 'QOSMaxJobsPerUserLimit', message: '', weight: 'notable' };
const image = (tries: number): QueueReason => ({
  reason: 'ImagePullBackOff',
  message: `Back-off pulling image "descent:0.2", ${tries} tries`,
  weight: 'notable',
});
const turn: QueueReason = { reason: 'Priority', message: '', weight: 'ordinary' };
const tooLong: QueueReason = { reason: 'PartitionTimeLimit', message: '', weight: 'stuck' };

test('what keeps jobs in a queue is a notice, once a reason, of all nodes together; that others are before them is none', () => {
  const told: string[] = [];
  const watch = watchQueues(({ text }) => told.push(text));
  const nodes = ['a', 'b', 'c', 'd'].map((name) => ({ key: name as Key, address: name }));
  const look = (...queues: (QueueReason | undefined)[]): string[] => {
    told.length = 0;
    const states = nodes.map(({ key }, at) => {
      const queue = queues[at];
      return [key, { phase: queue ? ('queued' as const) : ('running' as const), ...(queue && { queue }) }] as const;
    });
    watch(nodes, new Map(states));
    return [...told];
  };
  assert.deepEqual(look(turn, limit, limit, undefined), ["b, c: in the cluster's queue: QOSMaxJobsPerUserLimit"]);
  assert.deepEqual(look(turn, limit, limit, undefined), []);
  assert.deepEqual(look(image(1), undefined, limit, turn), [
    'a: in the cluster\'s queue: ImagePullBackOff: Back-off pulling image "descent:0.2", 1 tries',
  ]);
  assert.deepEqual(look(image(2)), [], 'another count of tries is no other reason');
  assert.match(
    look(tooLong)[0] ?? '',
    /^a: in the cluster's queue: PartitionTimeLimit. That does not pass by waiting: /,
  );
});

test('why a job waits stands beside its node', () => {
  const progress = { step: 0, steps: 0, tokensPerSecond: 0, secondsLeft: 0, values: {}, phase: 'queued' as const };
  assert.equal(progressText({ ...progress, queue: turn }), "in its cluster's queue: Priority");
  assert.equal(progressText(progress), 'waiting for a free device');
});
