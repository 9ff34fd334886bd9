/**
 * The trainer against PyTorch and transformers: tiny models of LlamaForCausalLM, and what it and torch.optim.AdamW made of
 * them, from scripts/fixtures/llama.py. Both compute in float32 and in orders of their own, so numbers agree up to rounding.
 *
 * AdamW is torch's, with its decoupled decay of all parameters. One thing differs, far below the tolerances:
 * clip_grad_norm_ scales gradients by min(1, clip / (norm + 1e-6)), Descent by clip / max(norm, clip).
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { NamedTensorMap, Tensor2D } from '@tensorflow/tfjs-node';
import { parameterShapes, queryBlocks } from '../../schemas/llama.ts';
import type { Architecture } from '../../schemas/types/job.ts';
import { type AdamWOptions, adamw, type Trainable, valueAndGradients } from '../../trainer/adamw.ts';
import { type Batch, type BatchTensors, batchTensors } from '../../trainer/batch.ts';
import { readConfig } from '../../trainer/config.ts';
import type { Example } from '../../trainer/example.ts';
import { createGenerator, generate } from '../../trainer/generate.ts';
import { capture } from '../../trainer/graph/capture.ts';
import { hiddenStates, logits } from '../../trainer/model.ts';
import { disposeParameters, loadModel, type Parameters } from '../../trainer/parameters.ts';
import { readSafetensors } from '../../trainer/safetensors.ts';
import { learningRate, type ScheduleOptions } from '../../trainer/schedule.ts';
import { batchOf } from '../../trainer/stages/sft.ts';
import { supervisedLoss, supervisedSteps } from '../../trainer/supervised.ts';
import { readTensor, tf } from '../../trainer/tf.ts';
import { close } from './support.ts';

const reference = fileURLToPath(new URL('../../../test/trainer/reference/', import.meta.url));

/** Largest difference, as a share of the largest magnitude in the same tensor. */
const tolerance = { logits: 2e-5, gradients: 2e-5, parameters: 1e-5, loss: 1e-6, rates: 1e-12 };

/** What expected.json of a model says. */
interface Expected {
  text: { tokens: number[][]; loss: number };
  examples: { examples: Example[]; loss: number };
  responses: { prompt: number[]; tokens: number[]; logProbs: number[] }[];
  training: {
    optimizer: AdamWOptions;
    schedule: ScheduleOptions;
    batches: number[][][];
    rates: number[];
    losses: number[];
    norms: number[];
  };
}

/** What schedules.json says of a schedule: `rates[n]` is that of the state after n updates, as a share of the peak. */
interface Rates {
  steps: number;
  warmupSteps: number;
  decaySteps: number;
  minLr: number;
  rates: number[];
}

const eos = 0;

function readJson<Content>(...path: string[]): Content {
  return JSON.parse(readFileSync(join(reference, ...path), 'utf8'));
}

/** Sequences of which every token but the first is predicted, all alike. */
function textBatch(sequences: number[][]): Batch {
  const time = (sequences[0] as number[]).length - 1;
  const tokens = Int32Array.from(sequences.flatMap((sequence) => sequence.slice(0, -1)));
  const targets = Int32Array.from(sequences.flatMap((sequence) => sequence.slice(1)));
  const weights = new Float32Array(tokens.length).fill(1 / tokens.length);
  return { sequences: sequences.length, time, tokens, targets, weights };
}

/** The same function, called operator by operator or as one graph. */
type Way = <Inputs extends NamedTensorMap, Results extends NamedTensorMap>(
  body: (inputs: Inputs) => Results,
) => (inputs: Inputs) => Results;
const ways: [string, Way][] = [
  ['eagerly', (body) => body],
  ['as a captured graph', (body) => capture(body)],
];

for (const [folder, what] of [
  ['gqa', 'grouped queries'],
  ['mha', 'a key and value head for each head'],
  ['mqa', 'one key and value head'],
] as const) {
  describe(`the trainer and transformers, with ${what},`, async () => {
    const expected = readJson<Expected>(folder, 'expected.json');
    const { tensors, values } = await expectedTensors(folder);
    const { examples } = expected.examples;
    const batches = {
      text: textBatch(expected.text.tokens),
      examples: batchOf(examples, {
        padding: eos,
        context: (await readConfig(join(reference, folder))).architecture.context,
      }),
    };

    for (const [way, calling] of ways) {
      it(`agree on the scores of tokens, without padding and with, ${way}`, async () => {
        const { architecture, parameters } = await loadModel(join(reference, folder));
        const score = scoring(calling, architecture, parameters);
        for (const [name, batch] of Object.entries(batches)) {
          const width = tensors[`logits.${name}`]?.shape[1] as number;
          const wanted = values(`logits.${name}`);
          const found = readTensor(() => score({ tokens: batchTensors(batch).tokens }).scores);
          // What is padded has no meaning; Descent pads further than transformers did.
          for (let row = 0; row < batch.sequences; row++) {
            const numbers = (name === 'text' ? batch.time : lengthOf(examples[row]) - 1) * architecture.vocab;
            const rowOf = (all: Float32Array, time: number) =>
              all.subarray(row * time * architecture.vocab).subarray(0, numbers);
            close(rowOf(found, batch.time), rowOf(wanted, width), tolerance.logits, `logits of ${name} ${row}`);
          }
        }
        disposeParameters(parameters);
      });

      for (const name of ['text', 'examples'] as const) {
        it(`agree on the loss and every gradient, of ${name === 'text' ? 'all tokens' : 'responses alone'}, ${way}`, async () => {
          const { architecture, parameters } = await loadModel(join(reference, folder));
          const wanted = (parameter: string) => values(`gradient.${name}.${parameter}`);
          assertGradients(calling, architecture, parameters, batches[name], expected[name].loss, wanted);
          disposeParameters(parameters);
        });
      }

      it(`agree on every parameter after each update of AdamW, ${way}`, async () => {
        const { architecture, parameters } = await loadModel(join(reference, folder));
        const { optimizer, schedule, batches: steps, rates, losses, norms } = expected.training;
        const model = adamw(parameters, optimizer);
        const update = (way === 'eagerly' ? eagerSteps : supervisedSteps)(architecture, model);
        for (const [index, sequences] of steps.entries()) {
          const lr = learningRate(index, steps.length, schedule);
          close([lr], [rates[index] as number], tolerance.rates, 'learning rate');
          const { loss, gradientNorm } = update(textBatch(sequences), lr);
          close([loss as number], [losses[index] as number], tolerance.parameters, `loss of update ${index + 1}`);
          close([gradientNorm as number], [norms[index] as number], tolerance.gradients, `norm of update ${index + 1}`);
          for (const [name, parameter] of Object.entries(parameters)) {
            const wanted = values(`after.${name}`).subarray(index * parameter.size, (index + 1) * parameter.size);
            close(parameter.dataSync(), wanted, tolerance.parameters, `${name} after update ${index + 1}`);
          }
        }
        assert.ok(Math.min(...norms) < optimizer.clip && optimizer.clip < Math.max(...norms), 'clips some updates');
        model.dispose();
        disposeParameters(parameters);
      });
    }

    it('write the same responses by the highest score, prompts of different lengths side by side', async () => {
      const { architecture, parameters } = await loadModel(join(reference, folder));
      const model = createGenerator(architecture, parameters, [eos]);
      const prompts = expected.responses.map(({ prompt }) => prompt);
      const greedy = { maxTokens: 10, temperature: 0, seed: 1, purpose: ['reference'] };
      for (const [index, response] of (await generate(model, prompts, greedy)).entries()) {
        const { tokens, logProbs } = expected.responses[index] as Expected['responses'][number];
        assert.deepEqual(response.tokens, tokens);
        close(response.logProbs, logProbs, tolerance.logits, `ln p of response ${index}`);
      }
      model.dispose();
      disposeParameters(parameters);
    });
  });
}

describe('the trainer and transformers, on texts of several blocks of attention,', async () => {
  const { text } = readJson<Pick<Expected, 'text'>>('long', 'expected.json');
  const { tensors, values } = await expectedTensors('long');
  const batch = textBatch(text.tokens);
  assert.deepEqual(queryBlocks(batch.time), [128, 128, 43]);

  for (const [way, calling] of ways) {
    it(`agree on the scores of tokens, ${way}`, async () => {
      const { architecture, parameters } = await loadModel(join(reference, 'long'));
      const score = scoring(calling, architecture, parameters);
      const tokens = tf.tensor2d(text.tokens, undefined, 'int32');
      assert.deepEqual(tensors['logits.text']?.shape, [...tokens.shape, architecture.vocab]);
      const found = readTensor(() => score({ tokens }).scores);
      close(found, values('logits.text'), tolerance.logits, 'logits');
      tokens.dispose();
      disposeParameters(parameters);
    });

    it(`agree on the loss and every gradient, ${way}`, async () => {
      const { architecture, parameters } = await loadModel(join(reference, 'long'));
      const wanted = (parameter: string) => values(`gradient.text.${parameter}`);
      assertGradients(calling, architecture, parameters, batch, text.loss, wanted);
      disposeParameters(parameters);
    });
  }
});

/** What a fixture has in tensors, all of them and the values of one. */
async function expectedTensors(folder: string) {
  const { tensors } = await readSafetensors(join(reference, folder, 'expected.safetensors'));
  const values = (name: string) => {
    const tensor = tensors[name];
    assert.ok(tensor !== undefined, `the fixture has no ${name}`);
    return tensor.values;
  };
  return { tensors, values };
}

/** The scores of tokens, called in one way or the other. */
function scoring(calling: Way, architecture: Architecture, parameters: Parameters) {
  return calling(({ tokens }: { tokens: Tensor2D }) => ({
    scores: logits(parameters, hiddenStates(architecture, parameters, tokens)),
  }));
}

/** Asserts that a batch has this loss, and gradients by all parameters with these values. */
function assertGradients(
  calling: Way,
  architecture: Architecture,
  parameters: Parameters,
  batch: Batch,
  wantedLoss: number,
  wanted: (parameter: string) => Float32Array,
): void {
  const differentiate = calling((tensors: BatchTensors) => {
    const { value, gradients } = valueAndGradients(() => supervisedLoss(architecture, parameters, tensors), parameters);
    return { loss: value, ...gradients };
  });
  tf.tidy(() => {
    const { loss, ...gradients } = differentiate(batchTensors(batch)) as NamedTensorMap;
    close(loss?.dataSync() as Float32Array, [wantedLoss], tolerance.loss, 'loss');
    assert.deepEqual(Object.keys(gradients).sort(), Object.keys(parameterShapes(architecture)).sort());
    for (const [name, gradient] of Object.entries(gradients))
      close(gradient.dataSync(), wanted(name), tolerance.gradients, name);
  });
}

function lengthOf(example: Example | undefined): number {
  assert.ok(example !== undefined);
  return example.prompt.length + example.response.length;
}

/** What `supervisedSteps` does, operator by operator. */
function eagerSteps(
  architecture: Architecture,
  model: Trainable,
): (batch: Batch, lr: number) => Record<string, number> {
  const { parameters } = model;
  return (batch, lr) =>
    tf.tidy(() => {
      const tensors = batchTensors(batch);
      const { value, gradients } = valueAndGradients(
        () => supervisedLoss(architecture, parameters, tensors),
        parameters,
      );
      return { loss: value.dataSync()[0] as number, lr, gradientNorm: model.update(gradients, lr) };
    }) as unknown as Record<string, number>;
}

describe('learning rates', () => {
  const schedules = readJson<Record<'cosine' | 'constant' | 'wsd', Rates[]>>('schedules.json');
  const own = (steps: number, options: ScheduleOptions) =>
    Array.from({ length: steps }, (_, index) => learningRate(index, steps, options));

  // transformers' first update has the rate of its state 0, which under a warm-up is zero. Descent's has that of state 1, so
  // that the last update has that of the last state, where a schedule ends. Without a warm-up state 0 is the peak, and
  // Descent's first update has it: then states 0 to n are the rates of n + 1 updates.
  for (const schedule of ['cosine', 'constant'] as const) {
    for (const { steps, warmupSteps, minLr, rates } of schedules[schedule]) {
      const expected = rates.slice(Math.min(warmupSteps, 1));
      it(`of ${expected.length} updates under ${schedule}, ${warmupSteps} of warm-up, to ${minLr}, are transformers'`, () => {
        const options = { lr: 1, minLr, warmup: warmupSteps / steps, schedule };
        close(own(expected.length, options), expected, tolerance.rates, 'rates');
      });
    }
  }

  for (const settings of schedules.wsd) {
    const { steps, warmupSteps, decaySteps, minLr, rates } = settings;
    it(`of ${steps} updates under wsd, ${warmupSteps} of warm-up and ${decaySteps} of decay to ${minLr}, are transformers'`, () => {
      const found = own(steps, { lr: 1, minLr, schedule: 'wsd', warmupSteps, decaySteps });
      // transformers warms up from minLr to the peak. Descent from zero, as under its other schedules and as in the paper.
      const warm = rates.slice(1, warmupSteps + 1).map((rate) => (rate - minLr) / (1 - minLr));
      close(found, [...warm, ...rates.slice(warmupSteps + 1)], tolerance.rates, 'rates');
    });
  }
});
