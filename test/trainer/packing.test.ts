/** Packed examples: few rows, in which each example is as if it stood alone. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NamedTensorMap } from '@tensorflow/tfjs-node';
import fc from 'fast-check';
import { queryBlocks } from '../../schemas/llama.ts';
import type { Architecture } from '../../schemas/types/job.ts';
import { adamw, valueAndGradients } from '../../trainer/adamw.ts';
import { type Batch, type BatchTensors, batchTensors, inParts, statesBefore } from '../../trainer/batch.ts';
import { bestFitDecreasing } from '../../trainer/best-fit.ts';
import type { Example } from '../../trainer/example.ts';
import { capture } from '../../trainer/graph/capture.ts';
import { initialise } from '../../trainer/init.ts';
import { embeddingNoise } from '../../trainer/neftune.ts';
import { outputLogProbs } from '../../trainer/ops.ts';
import { collected, padded } from '../../trainer/padded.ts';
import { random } from '../../trainer/random.ts';
import { batchOf, type Noise } from '../../trainer/stages/sft.ts';
import { supervisedLoss, supervisedSteps } from '../../trainer/supervised.ts';
import { tf } from '../../trainer/tf.ts';
import { close, tiny } from './support.ts';

const { integer } = random(1, 'packing');
const drawn = (count: number) => Array.from({ length: count }, () => integer(tiny.vocab));
const example = (prompt: number, response: number): Example => ({ prompt: drawn(prompt), response: drawn(response) });

// Rows of several blocks of attention, the borders of which lie within examples.
const architecture: Architecture = { ...tiny, context: 320 };
const examples = [
  [40, 30],
  [3, 9],
  [100, 150],
  [1, 2],
  [60, 70],
  [20, 5],
  [9, 60],
].map(([prompt, response]) => example(prompt as number, response as number));
const alone = { padding: 0, context: architecture.context };
const together = { ...alone, packing: true, longest: architecture.context };

/** Asserts that two batches have the same loss and gradients by all parameters. */
function expectSame(one: Batch, other: Batch, tolerance: number): void {
  const parameters = initialise(architecture, 1);
  const differentiate = capture((tensors: BatchTensors): NamedTensorMap => {
    const { value, gradients } = valueAndGradients(() => supervisedLoss(architecture, parameters, tensors), parameters);
    return { loss: value, ...gradients };
  });
  tf.tidy(() => {
    const [found, expected] = [one, other].map((batch) => differentiate(batchTensors(batch))) as [
      NamedTensorMap,
      NamedTensorMap,
    ];
    assert.equal(Object.keys(expected).length, 1 + Object.keys(parameters).length);
    for (const [name, tensor] of Object.entries(expected)) {
      close(found[name]?.dataSync() ?? [], tensor.dataSync(), tolerance, name);
    }
  });
  differentiate.dispose();
  tf.dispose(Object.values(parameters));
}

describe('best-fit decreasing', () => {
  it('puts each example into the fullest row that holds it, from the longest on', () => {
    assert.deepEqual(bestFitDecreasing([2, 7, 5, 3, 3], 10), [
      [1, 3],
      [2, 4, 0],
    ]);
    assert.deepEqual(bestFitDecreasing([4, 4, 4], 4), [[0], [1], [2]]);
    assert.deepEqual(bestFitDecreasing([], 4), []);
  });

  it('has each example once, no row that is too long, and no two that would fit into one', () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 60 });
    fc.assert(
      fc.property(lengths, (lengths) => {
        const rows = bestFitDecreasing(lengths, 50);
        const filled = rows.map((row) => row.reduce((sum, index) => sum + (lengths[index] as number), 0));
        assert.deepEqual(
          rows.flat().sort((a, b) => a - b),
          [...lengths.keys()],
        );
        assert.ok(filled.every((length) => length <= 50));
        const [least, next] = filled.sort((a, b) => a - b);
        assert.ok(least === undefined || next === undefined || least + next > 50);
      }),
    );
  });
});

describe('packed examples', () => {
  it('share rows, each document from its own first place on', () => {
    const { sequences, time, begins, tokens, firsts } = padded([example(4, 3), example(6, 5), example(2, 2)], {
      ...alone,
      packing: true,
      longest: 20,
    });
    assert.deepEqual([sequences, time], [1, 20]);
    assert.deepEqual(firsts, [10, 0, 16]);
    const expected = [10, 6, 3, 1].flatMap((count, i) => new Array(count).fill([0, 10, 16, 19][i]));
    assert.deepEqual([...(begins ?? [])], expected);
    assert.equal(tokens.length, 20);
  });

  it('have the loss and the gradients of the same examples in rows of their own', () => {
    const [packed, apart] = [batchOf(examples, together), batchOf(examples, alone)];
    assert.ok(packed.sequences < apart.sequences / 2 && queryBlocks(packed.time).length > 1);
    expectSame(packed, apart, 1e-5);
  });

  it('have the noise of the same examples in rows of their own', () => {
    const noise: Noise = { alpha: 5, hidden: architecture.hidden, drawsOf: (index) => random(1, 'noise', index) };
    const [packed, apart] = [batchOf(examples, together, noise), batchOf(examples, alone, noise)];
    expectSame(packed, apart, 1e-5);
    const parameters = initialise(architecture, 1);
    const lossOf = (batch: Batch) =>
      tf.tidy(() => supervisedLoss(architecture, parameters, batchTensors(batch)).dataSync()[0]);
    assert.notEqual(lossOf(apart), lossOf(batchOf(examples, alone)), 'there is noise');
    tf.dispose(Object.values(parameters));
  });

  it('see nothing of each other: what another one says changes not a bit', () => {
    const parameters = initialise(architecture, 1);
    const measure = capture((batch: BatchTensors) => {
      const states = statesBefore(architecture, parameters, batch);
      return { logProbs: outputLogProbs(states, parameters['lm_head.weight'] as never, batch.targets) };
    });
    const logProbsOf = (examples: Example[]) => {
      const rows = padded(examples, together);
      const values = tf.tidy(() => measure(batchTensors(batchOf(examples, together))).logProbs.dataSync());
      return collected(rows, examples, values as Float32Array);
    };
    const before = logProbsOf(examples);
    for (const changed of examples.keys()) {
      const others = examples.map(({ prompt, response }, index) =>
        index === changed ? example(prompt.length, response.length) : { prompt, response },
      );
      const after = logProbsOf(others);
      for (const index of examples.keys()) {
        if (index === changed) assert.notDeepEqual(after[index], before[index]);
        else assert.deepEqual(after[index], before[index], `example ${index} when ${changed} changes`);
      }
    }
    measure.dispose();
    tf.dispose(Object.values(parameters));
  });

  it('count the same in parts, and with recomputed activations', () => {
    const batch = batchOf(examples, together, {
      alpha: 5,
      hidden: architecture.hidden,
      drawsOf: (index) => random(1, 'noise', index),
    });
    assert.ok(inParts(batch, architecture.context).length > 1);
    const step = (options: Parameters<typeof supervisedSteps>[2]) => {
      const parameters = initialise(architecture, 1);
      const model = adamw(parameters, { betas: [0.9, 0.999], weightDecay: 0, clip: 1 });
      const values = supervisedSteps(architecture, model, options)(batch, 1e-3);
      const weights = Object.values(parameters).flatMap((parameter) => [...parameter.dataSync()]);
      model.dispose();
      return { values, weights };
    };
    const whole = step({});
    const { loss, gradientNorm } = step({ atOnce: architecture.context }).values;
    close([loss as number, gradientNorm as number], [whole.values.loss as number, whole.values.gradientNorm as number]);
    assert.deepEqual(step({ recompute: true }), whole);
  });
});

describe('noise on embeddings', () => {
  it('is uniform, as large as alpha says of each example’s own length, and none of padding', () => {
    const [hidden, alpha] = [64, 10];
    const examples = [example(3, 2), example(30, 31)];
    const rows = padded(examples, { padding: 0, context: 64 });
    const noise = embeddingNoise(rows, examples, hidden, alpha, (index) => random(7, 'noise', index));
    assert.equal(noise.length, rows.tokens.length * hidden);
    for (const [index, length] of [4, 60].entries()) {
      const most = alpha / Math.sqrt(length * hidden);
      const start = (rows.firsts[index] as number) * hidden;
      const own = noise.slice(start, start + length * hidden);
      assert.ok(own.every((value) => Math.abs(value) <= most));
      const deviation = Math.sqrt(own.reduce((sum, value) => sum + value ** 2, 0) / own.length);
      close([deviation], [most / Math.sqrt(3)], 0.1, 'standard deviation');
      const rest = noise.slice(start + length * hidden, (index + 1) * rows.time * hidden);
      assert.ok(rest.every((value) => value === 0));
    }
  });
});
