import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { learningRate, type ScheduleOptions } from '../../trainer/schedule.ts';

const cosine = { lr: 1e-3, minLr: 1e-4, warmup: 0.1, schedule: 'cosine' } as const;
const wsd = { lr: 1e-3, minLr: 1e-4, schedule: 'wsd', warmupSteps: 4, decaySteps: 8 } as const;
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

  // The decay of a schedule that is counted in micro-batches, or from a rounded share, ends before or after the last step.
  for (const updates of [7_401, 19_073]) {
    for (const warmup of [0, 0.01, 0.1, 1 / 3]) {
      it(`of ${updates} updates with a warm-up of ${warmup} falls on every one after the peak, to minLr on the last`, () => {
        const all = rates(updates, { ...cosine, warmup });
        const warm = Math.max(1, Math.ceil(warmup * updates - 1e-9));
        assert.equal(all.indexOf(cosine.lr), warm - 1);
        assert.equal(all.lastIndexOf(cosine.lr), warm - 1);
        assert.equal(all.indexOf(cosine.minLr), updates - 1);
        assert.equal(all.at(-1), cosine.minLr);
      });
    }
    for (const warmupSteps of [0, 1, 741, 2_000]) {
      for (const decaySteps of [1, 740, 741]) {
        it(`of ${updates} updates under wsd, ${warmupSteps} of warm-up and ${decaySteps} of decay, has each as long`, () => {
          const all = rates(updates, { ...wsd, warmupSteps, decaySteps });
          const stable = all.filter((rate) => rate === wsd.lr).length;
          assert.equal(stable, updates - decaySteps - Math.max(0, warmupSteps - 1));
          assert.equal(all.indexOf(wsd.lr), Math.max(0, warmupSteps - 1));
          for (let i = updates - decaySteps; i < updates; i++) assert.ok((all[i] as number) < (all[i - 1] as number));
          assert.equal(all.at(-1), wsd.minLr);
          assert.equal(all.indexOf(wsd.minLr, updates - decaySteps), updates - 1);
        });
      }
    }
  }

  it('ends at the peak where the warm-up takes all updates, and at minLr where it takes none of one', () => {
    assert.deepEqual(rates(1, cosine), [cosine.lr]);
    assert.deepEqual(rates(4, { ...cosine, warmup: 1 }), [0.25e-3, 0.5e-3, 0.75e-3, 1e-3]);
    assert.deepEqual(rates(1, { ...cosine, warmup: 0 }), [cosine.minLr]);
  });

  it('rises and then falls without a jump under wsd where warm-up and decay are all there is', () => {
    const all = rates(12, wsd);
    assert.deepEqual(all.slice(0, 4), [0.25e-3, 0.5e-3, 0.75e-3, 1e-3]);
    for (let i = 4; i < 12; i++) assert.ok((all[i] as number) < (all[i - 1] as number));
    assert.equal(all.at(-1), wsd.minLr);
  });

  it('decays along 1 - sqrt under wsd, to minLr', () => {
    const all = rates(10, { lr: 1, minLr: 0.5, schedule: 'wsd', warmupSteps: 2, decaySteps: 4 });
    const expected = [
      0.5,
      1,
      1,
      1,
      1,
      1,
      0.75,
      0.5 + 0.5 * (1 - Math.sqrt(0.5)),
      0.5 + 0.5 * (1 - Math.sqrt(0.75)),
      0.5,
    ];
    assert.deepEqual(all, expected);
  });

  it('of a longer run under wsd is the same up to where the shorter decays', () => {
    const [short, long] = [rates(50, { ...wsd, decaySteps: 5 }), rates(90, { ...wsd, decaySteps: 9 })];
    assert.deepEqual(short.slice(0, 45), long.slice(0, 45));
    assert.ok((short[45] as number) < (long[45] as number));
  });

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
