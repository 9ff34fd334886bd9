/** Shapes of padded batches: few of them, and what is padded is not learned from. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Architecture } from '../../schemas/types/job.ts';
import { type Batch, batchTensors } from '../../trainer/batch.ts';
import type { Example } from '../../trainer/example.ts';
import { initialise } from '../../trainer/init.ts';
import { random } from '../../trainer/random.ts';
import { paddedPlaces, paddedTime } from '../../trainer/shapes.ts';
import { batchOf } from '../../trainer/stages/sft.ts';
import { supervisedLoss } from '../../trainer/supervised.ts';
import { tf } from '../../trainer/tf.ts';
import { close, tiny } from './support.ts';

const { integer, normal } = random(1, 'shapes');

/** A length whose logarithm is normally distributed. */
function lognormal(median: number, deviation: number): number {
  return Math.max(1, Math.round(median * Math.exp(deviation * normal())));
}

const drawn = (count: number) => Array.from({ length: count }, () => integer(tiny.vocab));

/** As long as GSM8K's: questions of some 55 tokens, worked solutions of some 120. */
const gsmLengths = () => ({ prompt: lognormal(55, 0.4), response: lognormal(120, 0.5) });
const gsmLike = (): Example => {
  const { prompt, response } = gsmLengths();
  return { prompt: drawn(prompt), response: drawn(response) };
};

/** The same examples with no more rows, columns and places than they need. */
function unpadded(examples: readonly Example[]): Batch {
  const time = Math.max(...examples.map(({ prompt, response }) => prompt.length + response.length - 1));
  const tokens = new Int32Array(examples.length * time);
  const places: number[] = [];
  for (const [row, { prompt, response }] of examples.entries()) {
    tokens.set([...prompt, ...response.slice(0, -1)], row * time);
    for (const index of response.keys()) places.push(row * time + prompt.length - 1 + index);
  }
  const targets = Int32Array.from(examples.flatMap(({ response }) => response));
  const weights = new Float32Array(targets.length).fill(1 / targets.length);
  return { sequences: examples.length, time, tokens, places: Int32Array.from(places), targets, weights };
}

function lossOf(architecture: Architecture, batch: Batch): number {
  const parameters = initialise(architecture, 1);
  const loss = tf.tidy(() => supervisedLoss(architecture, parameters, batchTensors(batch)));
  const [value] = loss.dataSync();
  tf.dispose([loss, ...Object.values(parameters)]);
  return value as number;
}

describe('the shapes of padded batches', () => {
  it('hold what they must, in an eighth more time and an eighth of all places more at most', () => {
    for (let longest = 1; longest <= 3000; longest++) {
      const time = paddedTime(longest, 4096);
      assert.ok(time >= longest && (time <= longest * 1.125 || time === 16), `${longest} in ${time}`);
    }
    for (let predictions = 1; predictions <= 8 * 64; predictions++) {
      const places = paddedPlaces(8 * 64, predictions) ?? 8 * 64;
      const most = predictions > 4 * 64 ? 8 * 64 : predictions + 64;
      assert.ok(places >= predictions && places <= most, `${predictions} in ${places}`);
    }
    assert.equal(new Set(Array.from({ length: 64 }, (_, i) => paddedTime(65 + i, 4096))).size, 8);
  });

  it('are no longer than the context, whatever that divides into', () => {
    assert.deepEqual([paddedTime(999, 999), paddedPlaces(999, 100)], [999, 125]);
    assert.equal(paddedTime(1000, 2000), 1024);
  });

  it('take all places where more than half of them are predicted at', () => {
    assert.equal(paddedPlaces(4 * 32, 64), 64);
    assert.equal(paddedPlaces(4 * 32, 65), undefined);
  });

  it('are at most 20 in 300 steps of problems as long as those of GSM8K', () => {
    const blank = ({ prompt, response }: ReturnType<typeof gsmLengths>): Example => ({
      prompt: Array(prompt).fill(1),
      response: Array(response).fill(1),
    });
    const shapes = Array.from({ length: 300 }, () => {
      const examples = Array.from({ length: 128 }, () => blank(gsmLengths()));
      const { time, targets, places } = batchOf(examples, { padding: 0, context: 2048 });
      return `${time} ${targets.length} ${places === undefined}`;
    });
    assert.ok(new Set(shapes).size <= 20, `${new Set(shapes).size} shapes`);
  });

  it('leave the loss as it is without padding', () => {
    const architecture = { ...tiny, context: 1024 };
    const short = (prompt: number, response: number): Example => ({ prompt: drawn(prompt), response: drawn(response) });
    const batches: Example[][] = [
      Array.from({ length: 5 }, gsmLike),
      [gsmLike(), short(1, 1)],
      [short(3, 40), short(2, 38)],
      [short(70, 2)],
    ];
    const kinds = new Set<boolean>();
    for (const examples of batches) {
      const padded = batchOf(examples, { padding: 256, context: architecture.context });
      kinds.add(padded.places === undefined);
      const [found, wanted] = [lossOf(architecture, padded), lossOf(architecture, unpadded(examples))];
      close([found], [wanted], 1e-6, `${examples.length} examples`);
    }
    assert.deepEqual(kinds, new Set([true, false]));
  });
});
