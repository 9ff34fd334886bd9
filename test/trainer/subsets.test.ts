import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { bestAtK, majorityAtK, passAtK, type Vote } from '../../trainer/subsets.ts';

const close = (actual: number, expected: number, tolerance = 1e-9) =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected} within ${tolerance}`);

/** The mean of a figure over all subsets of k responses, by going through them. */
function meanOverSubsets<T>(responses: readonly T[], k: number, figure: (some: T[]) => number): number {
  let [subsets, sum] = [0, 0];
  for (let bits = 0; bits < 1 << responses.length; bits++) {
    const some = responses.filter((_, i) => bits & (1 << i));
    if (some.length !== k) continue;
    subsets++;
    sum += figure(some);
  }
  return sum / subsets;
}

/** n verdicts of which the first c are right. */
const right = (n: number, c: number) => Array.from({ length: n }, (_, i) => i < c);

/** Responses with one of them, and a k up to how many they are. */
const withK = <T>(response: fc.Arbitrary<T>) =>
  fc
    .array(response, { minLength: 1, maxLength: 8 })
    .chain((responses) => fc.tuple(fc.constant(responses), fc.integer({ min: 1, max: responses.length })));

describe('passAtK', () => {
  const counts = fc
    .integer({ min: 1, max: 10 })
    .chain((n) => fc.tuple(fc.constant(n), fc.integer({ min: 0, max: n }), fc.integer({ min: 1, max: n })));

  it('equals the share of subsets with a right response', () => {
    fc.assert(
      fc.property(counts, ([n, c, k]) =>
        close(
          passAtK(n, c, k),
          meanOverSubsets(right(n, c), k, (some) => Number(some.some(Boolean))),
        ),
      ),
    );
  });

  it('is the mean for k = 1, any-correct for k = n, and never falls with k or c', () => {
    fc.assert(
      fc.property(counts, ([n, c, k]) => {
        close(passAtK(n, c, 1), c / n);
        assert.equal(passAtK(n, c, n), c > 0 ? 1 : 0);
        if (k < n) assert.ok(passAtK(n, c, k + 1) >= passAtK(n, c, k) - 1e-12);
        if (c < n) assert.ok(passAtK(n, c + 1, k) >= passAtK(n, c, k) - 1e-12);
      }),
    );
  });

  it('does not overflow, and refuses what has no meaning', () => {
    close(passAtK(10_000, 1, 100), 0.01);
    for (const [n, c, k] of [
      [4, 5, 1],
      [4, 1, 0],
      [4, 1, 5],
      [4, -1, 1],
      [4.5, 1, 1],
    ] as const) {
      assert.throws(() => passAtK(n, c, k), RangeError);
    }
  });
});

describe('majorityAtK', () => {
  const vote = fc.constantFrom<Vote>(
    { answer: '7', correct: true },
    { answer: '7.0', correct: true },
    { answer: '8', correct: false },
    { answer: '9', correct: false },
    { answer: '10', correct: false },
    { answer: null, correct: false },
  );

  /** The field's vote: the answer with the most responses, of several the first that came. Right ones are one answer. */
  function firstOfCommonest(votes: readonly Vote[]): number {
    const counts = new Map<string, number>();
    for (const { answer, correct } of votes) {
      const party = correct ? 'right' : answer;
      if (party !== null) counts.set(party, (counts.get(party) ?? 0) + 1);
    }
    const [first] = [...counts].sort(([, a], [, b]) => b - a);
    return first?.[0] === 'right' ? 1 : 0;
  }

  /** That vote over all orders of some responses. */
  function overOrders(votes: Vote[]): number {
    let [orders, sum] = [0, 0];
    const visit = (chosen: Vote[], left: Vote[]) => {
      if (left.length === 0) {
        orders++;
        sum += firstOfCommonest(chosen);
      }
      for (const [i, next] of left.entries()) visit([...chosen, next], left.toSpliced(i, 1));
    };
    visit([], votes);
    return sum / orders;
  }

  it('equals the vote of every subset in every order, where the first of the commonest answers wins', () => {
    const few = withK(vote).filter(([votes]) => votes.length <= 6);
    fc.assert(
      fc.property(few, ([votes, k]) => close(majorityAtK(votes, k), meanOverSubsets(votes, k, overOrders))),
      { numRuns: 60 },
    );
  });

  it('of more responses equals the vote of every subset, ties shared evenly', () => {
    const shared = (votes: Vote[]) => {
      const counts = new Map<string | null, number>();
      for (const { answer, correct } of votes) {
        const party = correct ? 'right' : answer;
        counts.set(party, (counts.get(party) ?? 0) + 1);
      }
      counts.delete(null);
      const most = Math.max(...counts.values());
      const tied = [...counts].filter(([, count]) => count === most).map(([party]) => party);
      return tied.includes('right') ? 1 / tied.length : 0;
    };
    fc.assert(
      fc.property(withK(vote), ([votes, k]) => close(majorityAtK(votes, k), meanOverSubsets(votes, k, shared))),
    );
  });

  it('is Pass@k for k = 1, and never above it', () => {
    fc.assert(
      fc.property(withK(vote), ([votes, k]) => {
        const c = votes.filter(({ correct }) => correct).length;
        close(majorityAtK(votes, 1), c / votes.length);
        assert.ok(majorityAtK(votes, k) <= passAtK(votes.length, c, k) + 1e-12);
      }),
    );
  });

  it('does not depend on the order of the responses, and is 1 where all are right and 0 where none is', () => {
    fc.assert(
      fc.property(withK(vote), ([votes, k]) => {
        close(majorityAtK(votes.toReversed(), k), majorityAtK(votes, k));
        close(
          majorityAtK(
            votes.map((each) => ({ ...each, correct: true })),
            k,
          ),
          1,
        );
        assert.equal(
          majorityAtK(
            votes.map((each) => ({ ...each, correct: false })),
            k,
          ),
          0,
        );
      }),
    );
  });

  it('goes on where factorials would overflow, and refuses a k that is no subset', () => {
    const votes = Array.from({ length: 400 }, (_, i) => ({ answer: `${i % 4}`, correct: i % 4 === 0 }));
    close(majorityAtK(votes, 400), 1 / 4);
    close(majorityAtK(votes, 2), 1 / 4, 1e-3);
    for (const k of [0, 401, 1.5, Number.NaN]) assert.throws(() => majorityAtK(votes, k), RangeError);
  });
});

describe('bestAtK', () => {
  const scored = fc.record({ score: fc.constantFrom(-2, 0, 0.5, 3), correct: fc.boolean() });

  it('equals the best of every subset, equal scores shared evenly', () => {
    fc.assert(
      fc.property(withK(scored), ([responses, k]) => {
        const best = (some: { score: number; correct: boolean }[]) => {
          const most = Math.max(...some.map(({ score }) => score));
          const tied = some.filter(({ score }) => score === most);
          return tied.filter(({ correct }) => correct).length / tied.length;
        };
        close(bestAtK(responses, k), meanOverSubsets(responses, k, best));
      }),
    );
  });

  it('is Pass@k for scores that tell right from wrong, and the mean for scores that are all the same', () => {
    fc.assert(
      fc.property(withK(fc.boolean()), ([verdicts, k]) => {
        const c = verdicts.filter(Boolean).length;
        const told = verdicts.map((correct) => ({ correct, score: Number(correct) }));
        close(bestAtK(told, k), passAtK(verdicts.length, c, k));
        const blind = verdicts.map((correct) => ({ correct, score: 0 }));
        close(bestAtK(blind, k), c / verdicts.length);
      }),
    );
    assert.throws(() => bestAtK([{ score: 1, correct: true }], 2), RangeError);
    const unknown = [1, Number.NaN, 0].map((score) => ({ score, correct: true }));
    assert.throws(() => bestAtK(unknown, 1), /NaN/);
  });
});
