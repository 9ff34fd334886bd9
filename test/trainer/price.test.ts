/** What the planner says that a node costs, against the matrix products that TensorFlow is handed for it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Tensor } from '@tensorflow/tfjs-node';
import { forwardFlops } from '../../planner/flops.ts';
import { type Price, type Priceable, priceOf } from '../../planner/price.ts';
import { graderVersion } from '../../schemas/catalogue.ts';
import type { EvaluateRecipe, PretrainRecipe, SftRecipe } from '../../schemas/types/job.ts';
import { adamw, type Trainable } from '../../trainer/adamw.ts';
import { ppo } from '../../trainer/algorithms/ppo.ts';
import { type Batch, batchTensors } from '../../trainer/batch.ts';
import { heldoutRows, predictedLogProbs } from '../../trainer/evaluate.ts';
import { createGenerator, generate } from '../../trainer/generate.ts';
import { eagerly } from '../../trainer/graph/capture.ts';
import { initialise } from '../../trainer/init.ts';
import { createLearner } from '../../trainer/learner.ts';
import { countParameters } from '../../trainer/parameters.ts';
import { batchOf } from '../../trainer/stages/sft.ts';
import { supervisedUpdate } from '../../trainer/supervised.ts';
import { tf } from '../../trainer/tf.ts';
import { byteTokenizer } from '../../trainer/tokenizer/bytes.ts';
import { createTokenizer } from '../../trainer/tokenizer/load.ts';
import { generated, type PpoRecipe, ppoUsually, tiny } from './support.ts';

const { context } = tiny;
const optimizer = { weightDecay: 0.1, betas: [0.9, 0.95] as [number, number], clip: 1 };
const schedule = { lr: 1e-3, minLr: 0, warmup: 0, schedule: 'constant' as const };
const text = { name: 'web', part: 'text' as const, source: generated('stories') };
const problems = { name: 'math', part: 'problems' as const, source: generated('arithmetic') };

describe('a price is what the trainer multiplies', () => {
  it('in pretraining', async () => {
    const [steps, batchSequences] = [3, 4];
    const mix: PretrainRecipe['mix'] = [{ name: 'web', source: text.source, sequences: steps * batchSequences }];
    const recipe = { architecture: tiny, mix, steps, batchSequences, ...schedule, ...optimizer };
    const price = priceOf({ type: 'pretrain', recipe, architecture: tiny });
    const model = adamw(initialise(tiny, 1), optimizer);
    const size = batchSequences * context;
    const batch: Batch = {
      sequences: batchSequences,
      time: context,
      tokens: new Int32Array(size).fill(3),
      targets: new Int32Array(size).fill(5),
      weights: new Float32Array(size).fill(1 / size),
    };
    const done = await flopsOf(() => {
      for (let step = 0; step < price.steps; step++) trainOn(model, batch);
    });
    assert.equal(flops(price), done);
    assert.equal(price.tokens.trained, price.steps * batch.targets.length);
    assert.equal(price.bytes.published, 4 * countParameters(model.parameters));
  });

  it('in pretraining on sequences that attention goes through in blocks', async () => {
    const architecture = { ...tiny, context: 300 };
    const recipe = { steps: 1, batchSequences: 2 };
    const price = priceOf({ type: 'cpt', recipe, architecture } as unknown as Priceable);
    const model = adamw(initialise(architecture, 1), optimizer);
    const ids = new Int32Array(600).fill(3);
    const batch = { sequences: 2, time: 300, tokens: ids, targets: ids, weights: new Float32Array(600).fill(1 / 600) };
    const done = await flopsOf(() => trainOn(model, batch, architecture));
    assert.equal(flops(price), done);
  });

  it('in fine-tuning on examples that fill the context with their responses', async () => {
    const recipe: SftRecipe = { data: problems, examples: 6, epochs: 2, batch: 4, ...schedule, ...optimizer };
    const price = priceOf({ type: 'sft', recipe, architecture: tiny });
    const model = adamw(initialise(tiny, 1), optimizer);
    const example = { prompt: [1], response: tokens(context) };
    const batches = [4, 2, 4, 2].map((size) => batchOf(repeated(example, size), { padding: 0, context }));
    const done = await flopsOf(() => {
      for (const batch of batches) trainOn(model, batch);
    });
    assert.equal(flops(price), done);
    assert.equal(price.steps, batches.length);
  });

  for (const { what, ...changes } of [
    { what: 'rounds of one update, with a KL', miniBatch: 6, innerEpochs: 1, klCoef: 0.1 },
    { what: 'rounds of several updates, without', miniBatch: 4, innerEpochs: 2, klCoef: 0 },
    { what: 'rounds in bfloat16', miniBatch: 4, innerEpochs: 1, klCoef: 0.1, precision: 'bfloat16' as const },
  ]) {
    it(`in reinforcement learning from responses that fill the context: ${what}`, async () => {
      // Reads 32 tokens and predicts a quarter of them: lengths that are not rounded up.
      const architecture = { ...tiny, context: 33 };
      const recipe: PpoRecipe = { ...rounds, ...changes };
      const price = priceOf({ type: 'rl', recipe, architecture });
      const learner = createLearner(architecture, initialise(architecture, 1), ppo(recipe), recipe, price.updates);
      const response = tokens(recipe.maxResponse);
      const episode = { prompt: tokens(33 - response.length), response, logProbs: response, reward: 1 };
      const learned = await flopsOf(() => {
        for (let round = 0; round < price.steps; round++) {
          eagerly(() => learner.learn(repeated(episode, recipe.batch), 1, [round]));
        }
      });
      const rollouts = forwardFlops(architecture, { read: 32, pairs: 32 ** 2, predicted: response.length });
      assert.equal(flops(price), learned + price.steps * recipe.batch * rollouts);
      assert.equal(price.updates, learner.policy.updates);
      assert.equal(price.tokens.generated, price.steps * recipe.batch * response.length);
      const weights = countParameters(learner.policy.parameters) + countParameters(learner.critic?.parameters ?? {});
      assert.equal(price.bytes.checkpoints, 3 * 3 * 4 * weights, 'three checkpoints, each weight with two moments');
    });
  }

  it('in scoring held-out text, whose last row is short', async () => {
    const recipe: EvaluateRecipe = { suite: 'heldout', kind: 'heldout', tokens: 100, domains: [text] };
    const price = priceOf({ type: 'evaluate', recipe, architecture: tiny });
    const rows = heldoutRows(['x'.repeat(200)], createTokenizer(byteTokenizer()), recipe.tokens, context);
    assert.deepEqual(
      rows.map(({ length }) => length),
      [33, 33, 33, 5],
    );
    const parameters = initialise(tiny, 1);
    const done = await flopsOf(() => {
      tf.tidy(() => {
        for (const row of rows) predictedLogProbs(tiny, parameters, tf.tensor2d(row, [1, row.length], 'int32'));
      });
    });
    assert.ok(price.exact);
    assert.equal(flops(price), done);
  });

  it('in answering, but for attention: beside a cache it multiplies less than was counted', async () => {
    const [count, maxResponse] = [3, 8];
    const tasks: [typeof problems] = [problems];
    const recipe = { suite: 'id', kind: 'problems' as const, tasks, problems: count, samples: 0, temperature: 1 };
    const price = priceOf({
      type: 'evaluate',
      recipe: { ...recipe, maxResponse, grader: graderVersion },
      architecture: tiny,
    });
    const prompt = tokens(context - maxResponse);
    const never = tiny.vocab;
    const options = { maxTokens: maxResponse, temperature: 1, seed: 1, purpose: ['test'] };
    const model = createGenerator(tiny, initialise(tiny, 1), [never]);
    const done = await flopsOf(() => generate(model, repeated(prompt, count), options));
    // All tokens of a prompt with each other. Later ones are multiplied with those before them alone, in an operator that is
    // no product to TensorFlow, nor to `flopsOf`. What comes after attention in the last layer is the last token's alone.
    const [read, pairs] = [context - 1, prompt.length ** 2];
    const skipped = 2 * (prompt.length - 1) * (tiny.hidden ** 2 + 3 * tiny.hidden * tiny.ffn);
    assert.equal(done, count * (forwardFlops(tiny, { read, pairs, predicted: maxResponse }) - skipped));
    const saved = forwardFlops(tiny, { read: 0, pairs: read ** 2 - pairs, predicted: 0 });
    assert.ok(saved > 0);
    assert.equal(flops(price), done + count * (skipped + saved));
  });
});

const rounds: PpoRecipe = {
  ...ppoUsually,
  algorithm: 'ppo',
  data: problems,
  examples: 15,
  epochs: 2,
  batch: 6,
  miniBatch: 6,
  innerEpochs: 1,
  maxResponse: 8,
  temperature: 1,
  lr: 1e-3,
  criticLr: 1e-2,
  warmup: 0,
  gamma: 1,
  lambda: 1,
  clipRatio: 0.2,
  valueClip: 0.5,
  klCoef: 0,
  entropyCoef: 0,
  ...optimizer,
};

/** A step as it is before it is captured: each product a call. */
function trainOn(model: Trainable, batch: Batch, architecture = tiny): void {
  tf.tidy(() => void supervisedUpdate(architecture, model, { ...batchTensors(batch), rates: model.nextRates(1e-3) }));
}

function flops(price: Price): number {
  return price.flops.training + price.flops.inference;
}

function tokens(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index % 100);
}

function repeated<T>(item: T, times: number): T[] {
  return new Array<T>(times).fill(item);
}

/** Two for each multiplication in the matrix products that TensorFlow is handed meanwhile, by captured functions too. */
async function flopsOf(use: () => unknown): Promise<number> {
  const backend = tf.backend() as unknown as Backend;
  const { executeSingleOutput, executeMultipleOutputs } = backend;
  const ofFunctions = new Map<string, number>();
  let [sum, traced] = [0, 0];
  let called = executeSingleOutput;
  // A function is traced with another `executeSingleOutput`, once, right before it is called for the first time.
  const counting: Backend['executeSingleOutput'] = (name, attributes, inputs) => {
    const output = called.call(backend, name, attributes, inputs);
    const flops = flopsOfProduct(name, attributes, inputs, output);
    if (called === executeSingleOutput) sum += flops;
    else traced += flops;
    return output;
  };
  Object.defineProperty(backend, 'executeSingleOutput', {
    configurable: true,
    get: () => counting,
    set(execute) {
      called = execute === counting ? executeSingleOutput : execute;
    },
  });
  backend.executeMultipleOutputs = (name, attributes, inputs, outputs) => {
    if (name.startsWith('captured_')) {
      if (!ofFunctions.has(name)) ofFunctions.set(name, traced);
      traced = 0;
      sum += ofFunctions.get(name) as number;
    }
    return executeMultipleOutputs.call(backend, name, attributes, inputs, outputs);
  };
  try {
    await use();
  } finally {
    Object.defineProperty(backend, 'executeSingleOutput', { value: executeSingleOutput, writable: true });
    backend.executeMultipleOutputs = executeMultipleOutputs;
  }
  return sum;
}

function flopsOfProduct(name: string, attributes: Attribute[], inputs: Tensor[], output: Tensor): number {
  if (columnProducts.has(name)) {
    const [weight, columns] = inputs as [Tensor, Tensor];
    return 2 * weight.size * (columns.shape[1] as number);
  }
  const transposes: Record<string, string> = {
    MatMul: 'transpose_a',
    BatchMatMulV2: 'adj_x',
    BatchMatMulV3: 'adj_x',
  };
  const transpose = transposes[name];
  if (transpose === undefined) {
    assert.doesNotMatch(name, /MatMul|Product|Einsum|Conv/, 'a product that is not counted');
    return 0;
  }
  const transposed = attributes.find((attribute) => attribute.name === transpose)?.value === true;
  return 2 * output.size * (inputs[0]?.shape.at(transposed ? -2 : -1) as number);
}

/** Of a weight, whole, and columns. */
const columnProducts = new Set(['DescentColumnProduct', 'DescentGatedColumnProduct']);

interface Backend {
  executeSingleOutput(name: string, attributes: Attribute[], inputs: Tensor[]): Tensor;
  executeMultipleOutputs(name: string, attributes: Attribute[], inputs: Tensor[], outputs: number): Tensor[];
}

interface Attribute {
  name: string;
  value: unknown;
}
