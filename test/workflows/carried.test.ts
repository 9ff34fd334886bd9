import assert from 'node:assert/strict';
import { test } from 'node:test';
import { carriedFailures } from '../../workflows/carried.ts';
import { mostFailures, type NodeFailure } from '../../workflows/messages.ts';

test('as many failures as a lineage keeps, each as large as it can be, fit into one payload', () => {
  const failure: NodeFailure = {
    kind: 'out-of-memory',
    message: '漢'.repeat(2000),
    lastLines: Array.from({ length: 20 }, () => '漢'.repeat(300)),
  };
  const failures = Object.fromEntries(Array.from({ length: mostFailures }, (_, index) => [9000 + index, failure]));
  const carried = { states: '.'.repeat(10_000), failures: carriedFailures(failures) };
  assert.ok(Buffer.byteLength(JSON.stringify(carried)) < 64 * 1024);
  assert.deepEqual(Object.keys(carried.failures), Object.keys(failures));
  assert.equal(carried.failures[9000]?.kind, 'out-of-memory');
});
