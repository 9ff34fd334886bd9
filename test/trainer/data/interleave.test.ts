import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { interleave, interleavedCounts } from '../../../schemas/interleave.ts';

/** The first turns. */
function turns(parts: readonly number[], count: number): number[] {
  const all = interleave(parts);
  return Array.from({ length: count }, () => all.next().value);
}

const weights = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 6 });

describe('sources taking turns', () => {
  it('go round by their weights', () => {
    assert.deepEqual(turns([1], 3), [0, 0, 0]);
    assert.deepEqual(turns([2, 1], 6), [0, 0, 1, 0, 0, 1]);
    assert.deepEqual(turns([4, 1], 5), [0, 0, 0, 0, 1]);
  });

  it('have had their share after any number of sequences, but for less than one', () => {
    fc.assert(
      fc.property(weights, fc.integer({ min: 0, max: 400 }), (parts, count) => {
        const period = parts.reduce((sum, part) => sum + part, 0);
        const taken = parts.map(() => 0);
        for (const [place, index] of turns(parts, count).entries()) {
          taken[index] = (taken[index] as number) + 1;
          for (const [each, part] of parts.entries()) {
            assert.ok(Math.abs((taken[each] as number) * period - part * (place + 1)) < period);
          }
        }
        assert.deepEqual(interleavedCounts(parts, count), taken);
      }),
    );
  });

  it('begin the same, however long it goes on', () => {
    fc.assert(
      fc.property(weights, fc.nat(200), fc.nat(200), (parts, count, more) => {
        assert.deepEqual(turns(parts, count + more).slice(0, count), turns(parts, count));
      }),
    );
  });
});
