import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { interleave, interleavedCounts } from '../../../schemas/interleave.ts';
import type { WeightedMixture } from '../../../schemas/types/job.ts';
import { packInterleaved } from '../../../trainer/data/mixture.ts';
import { byteTokenizer } from '../../../trainer/tokenizer/bytes.ts';
import { createTokenizer } from '../../../trainer/tokenizer/load.ts';
import { generated } from '../support.ts';

const weights = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 6 });

describe('sources taking turns', () => {
  it('go round by their weights', () => {
    assert.deepEqual([...interleave([1], 3)], [0, 0, 0]);
    assert.deepEqual([...interleave([2, 1], 6)], [0, 0, 1, 0, 0, 1]);
    assert.deepEqual([...interleave([4, 1], 5)], [0, 0, 0, 0, 1]);
  });

  it('have had their share after any number of sequences, but for less than one', () => {
    fc.assert(
      fc.property(weights, fc.integer({ min: 0, max: 400 }), (parts, count) => {
        const period = parts.reduce((sum, part) => sum + part, 0);
        const taken = parts.map(() => 0);
        for (const [place, index] of interleave(parts, count).entries()) {
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
        assert.deepEqual(interleave(parts, count + more).slice(0, count), interleave(parts, count));
      }),
    );
  });
});

describe('a mixture that takes turns', () => {
  const bytes = createTokenizer(byteTokenizer());
  const mixture = (count: number): WeightedMixture => {
    const [web, math] = interleavedCounts([3, 2], count) as [number, number];
    return [
      { name: 'web', source: generated('stories'), weight: 3, sequences: web },
      { name: 'math', source: generated('arithmetic'), weight: 2, sequences: math },
    ];
  };
  const packed = (count: number, seed: number) => packInterleaved(mixture(count), bytes, 8, seed, {}).sequences;

  it('begins the same, however long it goes on, also past a block', () => {
    const long = packed(2100, 1);
    assert.equal(long.length, 2100);
    for (const count of [1, 7, 1030, 1800]) assert.deepEqual(packed(count, 1), long.slice(0, count));
  });

  it('has another order for another seed, and the same turns', () => {
    const [one, other] = [packed(50, 1), packed(50, 2)];
    assert.notDeepEqual(one, other);
    assert.deepEqual(packed(50, 2), other);
    const apart = one.filter((sequence, index) => `${sequence}` !== `${other[index]}`);
    assert.ok(apart.length > 45);
  });
});
