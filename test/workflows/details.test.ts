import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cutToBytes, lineageDetails, widest } from '../../workflows/details.ts';

test('a text is cut to bytes between characters', () => {
  assert.equal(cutToBytes('base@seed=1', 200), 'base@seed=1');
  assert.equal(cutToBytes('aé€😀b', 10), 'aé€😀');
  assert.equal(cutToBytes('aé€😀b', 9), 'aé€');
});

test('the details of a lineage name what runs and what failed, within the limit', () => {
  const counts = { waiting: 0, running: 1, done: 2, reused: 0, failed: 1, blocked: 0 };
  const failure = { kind: 'diverged', message: 'the loss is not finite', lastLines: [] };
  assert.equal(
    lineageDetails(counts, ['tuned@seed=1'], [failure], false),
    '| running | done | failed |\n|---|---|---|\n| 1 | 2 | 1 |\n\n- running `tuned@seed=1`\n- **diverged** the loss is not finite',
  );
  const failures = Array.from({ length: 50 }, () => ({ ...failure, message: '😀'.repeat(5000) }));
  const running = Array.from({ length: 200 }, () => 'é'.repeat(5000));
  assert.ok(Buffer.byteLength(lineageDetails(counts, running, failures, true)) <= widest.details);
});
