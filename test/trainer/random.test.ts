import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { random } from '../../trainer/random.ts';

const draws = (count: number, draw: () => number) => Array.from({ length: count }, draw);

describe('random', () => {
  it('gives the same stream for the same seed and purpose, on every machine and for ever', () => {
    assert.deepEqual(draws(3, random(1, 'test', 0).uniform), draws(3, random(1, 'test', 0).uniform));
    assert.deepEqual(
      draws(3, random(1, 'test', 0).uniform),
      [0.09363559947024014, 0.8096067363453309, 0.08138717533223772],
    );
    const { integer } = random(1, 'test', 0);
    assert.deepEqual(
      draws(6, () => integer(1000)),
      [114, 117, 108, 655, 128, 166],
    );
    assert.deepEqual(
      draws(4, random(1, 'test', 0).normal),
      [0.16221720353506233, -0.4126902837517235, -0.11236198551433409, 0.3964289045771508],
    );
    assert.deepEqual(random(1, 'test', 0).shuffle([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), [3, 7, 2, 5, 1, 6, 0, 8, 9, 4]);
  });

  it('gives other streams for another seed, purpose, or cut of the purpose', () => {
    const first = (...of: Parameters<typeof random>) => random(...of).uniform();
    const streams = [
      first(1, 'a', 0),
      first(2, 'a', 0),
      first(1, 'b', 0),
      first(1, 'a', 1),
      first(1, 'a', '0'),
      first(1, 'a0'),
      first(1),
    ];
    assert.equal(new Set(streams).size, streams.length);
  });

  it('draws uniform numbers in [0, 1) with the moments of the distribution', () => {
    const values = draws(20_000, random(3, 'uniform').uniform);
    assert.ok(values.every((value) => value >= 0 && value < 1));
    assert.ok(Math.abs(mean(values) - 1 / 2) < 0.01);
    assert.ok(Math.abs(mean(values.map((value) => value ** 2)) - 1 / 3) < 0.01);
  });

  it('draws integers below n, all equally often', () => {
    const { integer } = random(3, 'integer');
    const counts = new Array<number>(7).fill(0);
    for (const value of draws(14_000, () => integer(7))) counts[value] = (counts[value] ?? 0) + 1;
    assert.equal(counts.length, 7);
    assert.ok(
      counts.every((count) => Math.abs(count - 2000) < 200),
      String(counts),
    );
    assert.equal(integer(1), 0);
  });

  it('draws normal numbers with mean 0, deviation 1 and normal tails', () => {
    const values = draws(20_000, random(3, 'normal').normal);
    assert.ok(Math.abs(mean(values)) < 0.03);
    assert.ok(Math.abs(mean(values.map((value) => value ** 2)) - 1) < 0.04);
    const beyondTwo = values.filter((value) => Math.abs(value) > 2).length / values.length;
    assert.ok(Math.abs(beyondTwo - 0.0455) < 0.006, String(beyondTwo));
  });

  it('shuffles into every order equally often and leaves the given array alone', () => {
    const items = ['a', 'b', 'c'];
    const counts = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const order = random(3, 'shuffle', i).shuffle(items).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    assert.deepEqual(items, ['a', 'b', 'c']);
    assert.equal(counts.size, 6);
    assert.ok(
      [...counts.values()].every((count) => Math.abs(count - 1000) < 150),
      JSON.stringify([...counts]),
    );
  });
});

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
