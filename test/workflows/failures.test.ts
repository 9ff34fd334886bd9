import assert from 'node:assert/strict';
import { test } from 'node:test';
import { briefly, keepFailure } from '../../workflows/failures.ts';
import { mostFailures, type NodeFailure } from '../../workflows/messages.ts';

const failureOf = (text: string): NodeFailure => ({
  kind: 'out-of-memory',
  message: text.repeat(2000),
  lastLines: Array.from({ length: 20 }, () => text.repeat(300)),
});

for (const [what, text] of Object.entries({
  letters: 'a',
  Chinese: '漢',
  'control characters': '\u001b',
  quotes: '"',
  'halves of characters': '\ud800',
})) {
  test(`as many failures as a lineage keeps, each as large as it can be, fit into one payload: ${what}`, () => {
    const failures: Record<number, NodeFailure> = {};
    for (let index = 0; index < mostFailures + 10; index += 1) keepFailure(failures, 9000 + index, failureOf(text));
    const unwritten = briefly(failureOf(text));
    const carried = { states: '.'.repeat(10_000), failures, unwritten, paused: false, failFast: false };
    assert.ok(Buffer.byteLength(JSON.stringify(carried)) < 64 * 1024);
    assert.equal(Object.keys(failures).length, mostFailures);
    assert.equal(failures[9000 + mostFailures - 1]?.kind, 'out-of-memory');
  });
}

test('a few failures are kept whole, with the trainers’ last lines', () => {
  const failures: Record<number, NodeFailure> = {};
  keepFailure(failures, 3, { kind: 'killed', message: 'why', lastLines: ['the last line'] });
  assert.deepEqual(failures, { 3: { kind: 'killed', message: 'why', lastLines: ['the last line'] } });
});
