import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createPace } from '../../trainer/pace.ts';

/** A clock that is set by hand, in milliseconds. */
function clock() {
  let time = 1000;
  return { now: () => time, wait: (milliseconds: number) => (time += milliseconds) };
}

describe('the pace', () => {
  it('tells the speed at most four times a second, and at the last step', () => {
    const { now, wait } = clock();
    const pace = createPace(0, now);
    const told = [];
    for (let left = 20; left >= 0; left--) {
      wait(100);
      told.push(pace.afterStep(50, left) !== undefined);
    }
    const expected = Array.from({ length: 20 }, (_, i) => i % 3 === 0);
    assert.deepEqual(told, [...expected, true]);
  });

  it('measures the last ten seconds', () => {
    const { now, wait } = clock();
    const pace = createPace(0, now);
    wait(60_000);
    pace.afterStep(1, 100);
    for (let i = 0; i < 10; i++) {
      wait(1000);
      pace.afterStep(500, 50);
    }
    wait(1000);
    assert.deepEqual(pace.afterStep(500, 40), { tokensPerSecond: 500, secondsLeft: 40 });
  });

  it('counts several steps that are done at a time', () => {
    const { now, wait } = clock();
    const pace = createPace(0, now);
    wait(2000);
    assert.deepEqual(pace.afterStep(500, 60, 20), { tokensPerSecond: 250, secondsLeft: 6 });
  });

  it('measures at least one step, however long it took', () => {
    const { now, wait } = clock();
    const pace = createPace(0, now);
    wait(60_000);
    pace.afterStep(1, 100);
    wait(20_000);
    assert.deepEqual(pace.afterStep(500, 2), { tokensPerSecond: 25, secondsLeft: 40 });
  });

  it('tells what a step took, without the first', () => {
    const { now, wait } = clock();
    const pace = createPace(0, now);
    assert.equal(pace.secondsPerStep(), undefined);
    wait(60_000);
    pace.afterStep(1, 100);
    assert.equal(pace.secondsPerStep(), undefined);
    for (const milliseconds of [250, 500, 750]) {
      wait(milliseconds);
      pace.afterStep(1, 100);
    }
    assert.equal(pace.secondsPerStep(), 0.5);
  });

  it('saves every so many steps when told so', () => {
    const pace = createPace(3);
    assert.deepEqual([1, 2, 3, 4, 5, 6].map(pace.checkpointDue), [false, false, true, false, false, true]);
  });

  it('saves about every minute otherwise', () => {
    const { now, wait } = clock();
    const pace = createPace(0, now);
    const due = [1, 2, 3, 4, 5, 6].map((step) => {
      wait(25_000);
      return pace.checkpointDue(step);
    });
    assert.deepEqual(due, [false, false, true, false, false, true]);
  });
});
