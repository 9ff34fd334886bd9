import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { learningRate, type ScheduleOptions } from '../../trainer/schedule.ts';

const cosine: ScheduleOptions = { lr: 1e-3, minLr: 1e-4, warmup: 0.1, schedule: 'cosine' };
const rates = (updates: number, options: ScheduleOptions) =>
  Array.from({ length: updates }, (_, index) => learningRate(index, updates, options));

describe('the learning rate', () => {
  it('warms up in equal steps to the peak', () => {
    assert.deepEqual(rates(40, cosine).slice(0, 4), [0.25e-3, 0.5e-3, 0.75e-3, 1e-3]);
  });

  it('falls along a cosine whose middle is half way', () => {
    const [first, middle, last] = [0, 50, 100].map((index) => learningRate(index, 101, { ...cosine, warmup: 0 }));
    assert.equal(first, 1e-3);
    assert.ok(Math.abs((middle as number) - 5.5e-4) < 1e-12);
    assert.equal(last, 1e-4);
  });

  for (const updates of [2, 3, 10, 997, 7_401, 19_073]) {
    it(`of ${updates} updates ends exactly at minLr, on the last one and not before`, () => {
      const all = rates(updates, cosine);
      const warm = Math.ceil(0.1 * updates);
      assert.equal(all.at(-1), cosine.minLr);
      assert.equal(Math.max(...all), cosine.lr);
      for (let i = warm; i < updates; i++) assert.ok((all[i] as number) < (all[i - 1] as number), `plateau at ${i}`);
    });
  }

  it('stays at the peak after the warm-up when constant', () => {
    assert.deepEqual(rates(5, { ...cosine, schedule: 'constant', warmup: 0.4 }), [0.5e-3, 1e-3, 1e-3, 1e-3, 1e-3]);
  });

  it('is a positive number up to the peak for any number of updates and any warm-up', () => {
    const settings = fc.record({
      updates: fc.integer({ min: 1, max: 300 }),
      warmup: fc.double({ min: 0, max: 1, noNaN: true }),
      schedule: fc.constantFrom('cosine' as const, 'constant' as const),
    });
    fc.assert(
      fc.property(settings, ({ updates, ...options }) => {
        const all = rates(updates, { ...cosine, ...options });
        assert.ok(
          all.every((rate) => rate > 0 && rate <= cosine.lr * (1 + 1e-12)),
          String(all),
        );
      }),
    );
  });
});
