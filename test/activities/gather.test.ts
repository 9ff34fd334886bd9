import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gatherEnds } from '../../activities/gather.ts';
import type { NodeEnd } from '../../workflows/messages.ts';

const done = (index: number): NodeEnd => ({ index, outcome: { state: 'done', attempt: 1 } });
const failed = (index: number, letters: number): NodeEnd => ({
  index,
  outcome: { state: 'failed', failure: { kind: 'killed', message: 'x'.repeat(letters), lastLines: [] } },
});

test('nodes that end together are told together, in their order, to each lineage its own', async () => {
  const told: [string, number[]][] = [];
  const tell = gatherEnds(async (lineage, ends) => {
    told.push([lineage, ends.map(({ index }) => index)]);
  });
  await Promise.all([
    tell({ lineage: 'a', ...done(3) }),
    tell({ lineage: 'b', ...done(3) }),
    tell({ lineage: 'a', ...done(1) }),
  ]);
  assert.deepEqual(told, [
    ['a', [3, 1]],
    ['b', [3]],
  ]);
  await tell({ lineage: 'a', ...done(2) });
  assert.deepEqual(told.at(-1), ['a', [2]]);
});

test('what does not fit into 64 KB goes in several signals, each end once', async () => {
  const told: NodeEnd[][] = [];
  const tell = gatherEnds(async (_, ends) => {
    told.push([...ends]);
  });
  await Promise.all(Array.from({ length: 40 }, (_, index) => tell({ lineage: 'a', ...failed(index, 8000) })));
  assert.deepEqual(
    told.flat().map(({ index }) => index),
    Array.from({ length: 40 }, (_, index) => index),
  );
  for (const ends of told) assert.ok(Buffer.byteLength(JSON.stringify(ends)) < 64 * 1024);
});

test('who could not be told of learns it, and nobody else', async () => {
  const tell = gatherEnds(async (lineage) => {
    if (lineage === 'gone') throw new Error('no server');
  });
  const [gone, there] = await Promise.allSettled([
    tell({ lineage: 'gone', ...done(1) }),
    tell({ lineage: 'there', ...done(1) }),
  ]);
  assert.equal(gone.status, 'rejected');
  assert.equal(there.status, 'fulfilled');
});
