import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { firstCollapse, type RoundFigures, window } from '../../trainer/collapse.ts';

const fine: RoundFigures = { reward: 0.5, truncationRate: 0.1, groupsWithoutSignal: 0.3 };
const rounds = (count: number, figures: Partial<RoundFigures> = {}): RoundFigures[] =>
  Array.from({ length: count }, () => ({ ...fine, ...figures }));

describe('a collapse', () => {
  it('is none while rewards go up and down and some responses are cut', () => {
    const reward = fc.double({ min: 0.02, max: 1, noNaN: true });
    const share = fc.double({ min: 0, max: 0.5, noNaN: true });
    const round = fc.record({ reward, truncationRate: share, groupsWithoutSignal: share });
    fc.assert(fc.property(fc.array(round, { maxLength: 60 }), (all) => assert.equal(firstCollapse(all), undefined)));
  });

  it('shows at the end of a window of responses that run away', () => {
    const long = rounds(window, { truncationRate: 0.9 });
    assert.deepEqual(firstCollapse([...rounds(3), ...long]), { kind: 'runaway-length', at: 3 + window });
    assert.equal(firstCollapse([...rounds(3), ...long.slice(1)]), undefined, 'a window that is not full');
    assert.equal(firstCollapse(long), undefined, 'they were never short: that is how the parent writes');
    const interrupted = [...long.slice(1), ...rounds(1), ...long.slice(1)];
    assert.equal(firstCollapse([...rounds(3), ...interrupted]), undefined, 'one short round begins anew');
  });

  it('shows at the end of a window without a reward that had been there', () => {
    const dead = rounds(window, { reward: 0 });
    assert.deepEqual(firstCollapse([...rounds(window), ...dead]), { kind: 'dead-reward', at: 2 * window });
    assert.equal(firstCollapse([...rounds(window, { reward: 0.05 }), ...dead]), undefined, 'it was never alive');
    assert.equal(firstCollapse([...dead, ...dead]), undefined);
  });

  it('shows at the end of a window without a signal, unless all is solved', () => {
    const silent = (reward: number) => rounds(window, { groupsWithoutSignal: 1, reward });
    assert.deepEqual(firstCollapse(silent(0)), { kind: 'no-signal', at: window });
    assert.deepEqual(firstCollapse(silent(0.5)), { kind: 'no-signal', at: window });
    assert.equal(firstCollapse(silent(1)), undefined);
  });

  it('stays the first, whatever comes after', () => {
    const round = fc.record({
      reward: fc.constantFrom(0, 0.5, 1),
      truncationRate: fc.constantFrom(0, 1),
      groupsWithoutSignal: fc.constantFrom(0, 1),
    });
    const history = fc.array(fc.tuple(round, fc.integer({ min: 1, max: 12 })), { maxLength: 6 });
    fc.assert(
      fc.property(history, (stretches) => {
        const all = stretches.flatMap(([figures, count]) => rounds(count, figures));
        const found = firstCollapse(all);
        const told = all.map((_, i) => firstCollapse(all.slice(0, i + 1))).find((collapse) => collapse !== undefined);
        assert.deepEqual(found, told);
        if (found) assert.equal(firstCollapse(all.slice(0, found.at - 1)), undefined);
      }),
    );
  });
});
