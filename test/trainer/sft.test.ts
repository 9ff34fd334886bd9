import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { adamw } from '../../trainer/adamw.ts';
import type { Example } from '../../trainer/example.ts';
import { fitted, truncate } from '../../trainer/example.ts';
import { initialise } from '../../trainer/init.ts';
import { random } from '../../trainer/random.ts';
import { batchOf } from '../../trainer/stages/sft.ts';
import { supervisedSteps } from '../../trainer/supervised.ts';
import { close, tiny } from './support.ts';

const counting = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);

describe('an example for fine-tuning', () => {
  const context = 8;
  const cases: [string, Example, Example][] = [
    [
      'that fits is left as it is',
      { prompt: [1, 2, 3], response: [4, 5, 6, 7, 8, 0] },
      { prompt: [1, 2, 3], response: [4, 5, 6, 7, 8, 0] },
    ],
    [
      'that is too long loses the beginning of its prompt',
      { prompt: counting(1, 9), response: [4, 5, 0] },
      { prompt: counting(4, 6), response: [4, 5, 0] },
    ],
    [
      'whose response fills the context keeps one token of its prompt',
      { prompt: [1, 2], response: counting(10, 8) },
      { prompt: [2], response: counting(10, 8) },
    ],
    [
      'whose response is longer than that loses its end',
      { prompt: [1, 2], response: counting(10, 20) },
      { prompt: [2], response: counting(10, 8) },
    ],
  ];
  for (const [what, given, expected] of cases) {
    it(what, () => assert.deepEqual(truncate(given, context), expected));
  }
});

describe('examples of which some are too long', () => {
  const data = { name: 'math' };
  const [short, long, longer] = [
    { prompt: [1, 2], response: [3, 0] },
    { prompt: counting(1, 9), response: [4, 0] },
    { prompt: [1], response: counting(1, 20) },
  ] as [Example, Example, Example];

  it('are cut, and counted', () => {
    const { examples, cut, dropped } = fitted([short, long, longer], 8, { data });
    assert.deepEqual([examples, cut, dropped], [[short, truncate(long, 8), truncate(longer, 8)], 2, 0]);
  });

  it('are left out where the recipe says so, and counted', () => {
    const { examples, cut, dropped } = fitted([short, long, longer], 8, { data, overlong: 'drop' });
    assert.deepEqual([examples, cut, dropped], [[short], 0, 2]);
  });

  it('are an error where no end of a response could be learned', () => {
    const learn = (examples: Example[], overlong: 'truncate' | 'drop') => () => fitted(examples, 8, { data, overlong });
    assert.throws(
      learn([longer, longer], 'truncate'),
      /^TrainerFailure: None of the 2 responses of math fits into .* 8 tokens/,
    );
    assert.throws(
      learn([long, longer], 'drop'),
      /^TrainerFailure: None of the 2 examples of math fits into .* 8 tokens/,
    );
  });
});

describe('a batch for fine-tuning', () => {
  const examples: Example[] = [
    { prompt: [11, 12, 13], response: [21, 22, 0] },
    { prompt: [14], response: [23, 0] },
  ];

  it('reads all but the last token and predicts the response from the prompt on', () => {
    const { sequences, time, tokens, places = [], targets, weights } = batchOf(examples, { padding: 9, context: 64 });
    assert.deepEqual(
      [sequences, time, tokens.length, places.length, targets.length, weights.length],
      [2, 16, 32, 8, 8, 8],
    );
    assert.deepEqual([...tokens.slice(0, 7)], [11, 12, 13, 21, 22, 9, 9]);
    assert.deepEqual([...tokens.slice(16, 20)], [14, 23, 9, 9]);
    assert.deepEqual([...places.slice(0, 5)], [2, 3, 4, 16, 17]);
    assert.deepEqual([...targets.slice(0, 5)], [21, 22, 0, 23, 0]);
    close(weights.slice(0, 5), new Array(5).fill(0.2), 1e-7);
    assert.ok(weights.slice(5).every((weight) => weight === 0));
  });

  it('is never longer than the context', () => {
    const example = { prompt: counting(1, 10), response: counting(30, 11) };
    assert.equal(batchOf([example], { padding: 0, context: 20 }).time, 20);
    assert.equal(batchOf([{ prompt: [1], response: counting(30, 17) }], { padding: 0, context: 64 }).time, 18);
  });

  it('counts each token of a response the same, whatever the padding and however long the others are', () => {
    const { integer } = random(1, 'sft');
    const drawn = (count: number) => Array.from({ length: count }, () => integer(257));
    const [short, long] = [
      { prompt: drawn(2), response: drawn(3) },
      { prompt: drawn(9), response: drawn(12) },
    ];
    const lossOf = (examples: Example[], padding: number) => {
      const model = adamw(initialise(tiny, 1), { betas: [0.9, 0.999], weightDecay: 0, clip: 0 });
      return supervisedSteps(tiny, model)(batchOf(examples, { padding, context: tiny.context }), 1e-3);
    };
    const [both, first, second] = [lossOf([short, long], 0), lossOf([short], 0), lossOf([long], 0)];
    close([both.loss as number], [((first.loss as number) * 3 + (second.loss as number) * 12) / 15], 1e-5);
    const padded = lossOf([short, long], 99);
    close(
      [padded.loss as number, padded.gradientNorm as number],
      [both.loss as number, both.gradientNorm as number],
      1e-6,
    );
  });
});
