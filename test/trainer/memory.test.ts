/** What training takes of memory: as it was planned, less where activations are recomputed, and refused where it has no room. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { NamedTensorMap, Tensor, Tensor1D } from '@tensorflow/tfjs-node';
import { parameterCount } from '../../planner/architecture.ts';
import { memoryOf } from '../../planner/memory.ts';
import { graderVersion } from '../../schemas/catalogue.ts';
import { promptTokensAtOnce, tokensAtOnce } from '../../schemas/passes.ts';
import type { Architecture, Mixture, PretrainJob } from '../../schemas/types/job.ts';
import { adamw, gradientSum } from '../../trainer/adamw.ts';
import { ppo } from '../../trainer/algorithms/ppo.ts';
import { createCritic } from '../../trainer/critic.ts';
import type { Cache } from '../../trainer/decode/cache.ts';
import { createPasses } from '../../trainer/decode/passes.ts';
import { decodingWeights } from '../../trainer/decode/weights.ts';
import { type DpoTensors, dpoSums } from '../../trainer/dpo.ts';
import { capture } from '../../trainer/graph/capture.ts';
import { initialise } from '../../trainer/init.ts';
import { roomForTensors } from '../../trainer/memory.ts';
import { disposeParameters } from '../../trainer/parameters.ts';
import { type PolicyTensors, policySums } from '../../trainer/policy.ts';
import { supervisedSteps, supervisedUpdate, type UpdateTensors } from '../../trainer/supervised.ts';
import { tf } from '../../trainer/tf.ts';
import { update } from '../../trainer/update.ts';
import {
  generated,
  generateJob,
  modelDigest,
  type PpoRecipe,
  ppoUsually,
  pretrainJob,
  runTrainer,
  sftJob,
  startTrainer,
  tiny,
  writeByteTokenizer,
} from './support.ts';

const optimizer = { betas: [0.9, 0.95] as [number, number], weightDecay: 0.1, clip: 1 };
const placement = { device: 'cpu', checkpointEvery: 0, timeoutSeconds: 1 };
const shape = (fields: Partial<Architecture>): Architecture => ({ ...tiny, ...fields });

/** A pretraining on `sequences` at a time, and what the plan says of its step. */
function planned(architecture: Architecture, sequences: number, precision: 'float32' | 'bfloat16', recompute: boolean) {
  const { recipe } = pretrainJob(tmpdir(), 'planned', 'none', 1);
  const memory = memoryOf({
    type: 'pretrain',
    recipe: { ...recipe, architecture, batchSequences: sequences, precision },
    architecture,
    placement: { ...placement, recomputeActivations: recompute },
  });
  return memory ?? assert.fail('a pretraining takes memory');
}

describe('the planned memory of a step', () => {
  const cases: [string, Architecture, number][] = [
    ['activations, in several blocks of queries', shape({ hidden: 64, layers: 3, ffn: 172, context: 512 }), 8],
    ['a large vocabulary', shape({ hidden: 64, vocab: 16_384, context: 256 }), 8],
    ['the optimizer', shape({ hidden: 256, layers: 4, kvHeads: 4, ffn: 688, context: 64 }), 1],
  ];
  for (const [what, architecture, sequences] of cases) {
    it(`is what the graph takes: ${what}`, () => {
      const parameters = initialise(architecture, 1);
      const model = adamw(parameters, optimizer);
      const count = sequences * architecture.context;
      const inputs = {
        tokens: { dtype: 'int32', shape: [sequences, architecture.context] },
        targets: { dtype: 'int32', shape: [count] },
        weights: { dtype: 'float32', shape: [count] },
        rates: { dtype: 'float32', shape: [3] },
      } as unknown as UpdateTensors;
      for (const precision of ['float32', 'bfloat16'] as const) {
        for (const recompute of [false, true]) {
          const update = capture((given: UpdateTensors) => supervisedUpdate(architecture, model, given, recompute), {
            precision,
          });
          const ratio = planned(architecture, sequences, precision, recompute).step / update.peakBytes(inputs);
          update.dispose();
          // In bfloat16 attention's gradients come on top, which the plan leaves out.
          assert.ok(
            ratio > (precision === 'float32' ? 0.95 : 0.85) && ratio < 1.15,
            `${precision}${recompute ? ', recomputed' : ''}: ${ratio.toFixed(3)}`,
          );
        }
      }
      model.dispose();
      disposeParameters(parameters);
    });
  }
});

/** What the plan says of learning from so many pairs at a time. */
function plannedPairs(architecture: Architecture, batch: number, recompute: boolean) {
  const memory = memoryOf({
    type: 'dpo',
    recipe: {
      data: { name: 'liked', part: 'preferences', source: { prepared: 'data:liked' } },
      ...{ examples: batch, epochs: 1, batch, minLr: 0, warmup: 0, schedule: 'constant', lr: 1e-3, ...optimizer },
      ...{ loss: 'sigmoid', beta: 0.1, labelSmoothing: 0, nllCoef: 0 },
    },
    architecture,
    placement: { ...placement, recomputeActivations: recompute },
  });
  return memory ?? assert.fail('a training takes memory');
}

describe('the planned memory of a step on pairs', () => {
  const cases: [string, Architecture, number][] = [
    ['activations', shape({ hidden: 64, layers: 3, ffn: 172, context: 512 }), 4],
    ['a large vocabulary', shape({ hidden: 64, vocab: 16_384, context: 256 }), 8],
  ];
  for (const [what, architecture, pairs] of cases) {
    it(`is no less than what DPO's graph takes, nor much more: ${what}`, () => {
      const model = adamw(initialise(architecture, 1), optimizer);
      const [sequences, count] = [2 * pairs, 2 * pairs * architecture.context];
      const float32 = (length: number) => ({ dtype: 'float32', shape: [length] });
      const int32 = (...shape: number[]) => ({ dtype: 'int32', shape });
      const inputs = {
        ...{ tokens: int32(sequences, architecture.context), targets: int32(count), pairs: int32(count) },
        ...{ chosen: float32(count), rejected: float32(count), rates: float32(3) },
        ...{ weights: float32(pairs), referenceChosen: float32(pairs), referenceRejected: float32(pairs) },
      } as unknown as DpoTensors & { rates: Tensor1D };
      for (const recompute of [false, true]) {
        const loss = { loss: 'sigmoid', beta: 0.1, labelSmoothing: 0, nllCoef: 0 } as const;
        const sums = dpoSums(architecture, model.parameters, loss, recompute);
        const learn = capture(({ rates, ...given }: DpoTensors & { rates: Tensor1D }) =>
          update(model, sums, given, rates),
        );
        const ratio = plannedPairs(architecture, pairs, recompute).step / learn.peakBytes(inputs);
        learn.dispose();
        assert.ok(ratio > 0.95 && ratio < 1.25, `${recompute ? 'recomputed: ' : ''}${ratio.toFixed(3)}`);
      }
      model.dispose();
      disposeParameters(model.parameters);
    });
  }
});

it('the planned memory of a packed step with noise is what the graph takes, and the noise', () => {
  const architecture = shape({ hidden: 64, layers: 3, ffn: 172, context: 512 });
  const [sequences, hidden] = [8, architecture.hidden];
  const parameters = initialise(architecture, 1);
  const model = adamw(parameters, optimizer);
  const count = sequences * architecture.context;
  const inputs = {
    tokens: { dtype: 'int32', shape: [sequences, architecture.context] },
    targets: { dtype: 'int32', shape: [count] },
    weights: { dtype: 'float32', shape: [count] },
    begins: { dtype: 'int32', shape: [sequences, architecture.context] },
    noise: { dtype: 'float32', shape: [count, hidden] },
    rates: { dtype: 'float32', shape: [3] },
  } as unknown as UpdateTensors;
  const update = capture((given: UpdateTensors) => supervisedUpdate(architecture, model, given));
  const { recipe } = sftJob(tmpdir(), 'planned', 'none', sequences);
  const more = { batch: sequences, packing: true, neftune: 5 };
  const memory = memoryOf({ type: 'sft', recipe: { ...recipe, ...more }, architecture, placement });
  const ratio = (memory?.step ?? 0) / (update.peakBytes(inputs) + 4 * count * hidden);
  update.dispose();
  model.dispose();
  disposeParameters(parameters);
  assert.ok(ratio > 0.95 && ratio < 1.15, ratio.toFixed(3));
});

/** What the plan says of answering so many problems. */
function plannedAnswers(architecture: Architecture, problems: number) {
  const memory = memoryOf({
    type: 'evaluate',
    recipe: {
      kind: 'problems',
      suite: 'sums',
      tasks: [{ name: 'sums', part: 'problems', source: generated('sums') }],
      problems,
      samples: 0,
      temperature: 1,
      maxResponse: architecture.context / 2,
      grader: graderVersion,
    },
    architecture,
    placement,
  });
  return memory ?? assert.fail('an evaluation takes memory');
}

/** What decoding takes beside a model, by its graphs: the cache of `slots`, and the larger of its two passes. */
function decodingBytes(architecture: Architecture, slots: number, hasNucleus = false): number {
  const { layers, hidden, heads, kvHeads, context } = architecture;
  const parameters = initialise(architecture, 1);
  const weights = decodingWeights(architecture, parameters);
  const passes = createPasses(architecture, weights);
  const read = capture(({ tokens, lengths, ...draws }: DecodingTensors): NamedTensorMap => {
    const { layers, ...chosen } = passes.read({ tokens, lengths }, draws);
    return { ...chosen, ...named(layers) };
  });
  const step = capture(
    ({ tokens, positions, uniforms, sharpness, nucleus, ...cache }: DecodingTensors): NamedTensorMap => {
      const draws = { uniforms, sharpness, ...(nucleus && { nucleus }) };
      const held = Array.from({ length: layers }, (_, i) => ({ keys: cache[`keys${i}`], values: cache[`values${i}`] }));
      return passes.step({ tokens, positions }, { layers: held } as unknown as Cache, draws);
    },
  );

  const int32 = (...shape: number[]) => ({ dtype: 'int32', shape });
  const one = int32(1, 2);
  const draws = (count: number) => ({ uniforms: int32(count, 2), sharpness: one, ...(hasNucleus && { nucleus: one }) });
  const prompts = Math.min(slots, Math.max(1, Math.floor(promptTokensAtOnce / context)));
  const reading = { tokens: int32(prompts, context), lengths: int32(prompts), ...draws(prompts) };
  const half = { dtype: 'float32', shape: [kvHeads, slots, context, hidden / heads] };
  const cache = named(Array.from({ length: layers }, () => ({ keys: half, values: half })));
  const writing = { tokens: int32(slots), positions: int32(slots), ...draws(slots), ...cache };
  const passed = [read.peakBytes(reading as never), step.peakBytes(writing as never)];

  for (const made of [read, step, passes, weights]) made.dispose();
  disposeParameters(parameters);
  return 4 * 2 * layers * slots * context * kvHeads * (hidden / heads) + Math.max(...passed);
}

/** Keys and values by names that are theirs alone. */
function named<Half>(layers: readonly { keys: Half; values: Half }[]): Record<string, Half> {
  return Object.fromEntries(
    layers.flatMap(({ keys, values }, i) => [
      [`keys${i}`, keys],
      [`values${i}`, values],
    ]),
  );
}

type DecodingTensors = Record<'tokens' | 'lengths' | 'positions' | 'uniforms' | 'sharpness', Tensor> & NamedTensorMap;

describe('the planned memory of writing responses', () => {
  const cases: [string, Architecture, number][] = [
    ['attention of prompts', shape({ hidden: 32, layers: 2, heads: 8, ffn: 48, context: 1024 }), 16],
    ['feed-forward of prompts', shape({ hidden: 64, layers: 2, kvHeads: 1, ffn: 1024, context: 64 }), 64],
    ['a large vocabulary', shape({ vocab: 16_384 }), 64],
    ['the cache', shape({ hidden: 64, layers: 8, kvHeads: 4, ffn: 172, context: 512 }), 64],
  ];
  for (const [what, architecture, problems] of cases) {
    it(`is what the graphs take: ${what}`, () => {
      const ratio = plannedAnswers(architecture, problems).step / decodingBytes(architecture, problems);
      assert.ok(ratio > 0.9 && ratio < 1.2, ratio.toFixed(3));
    });
  }

  it('is no more where tokens are sorted for a nucleus', () => {
    const architecture = shape({ vocab: 16_384 });
    const { recipe } = generateJob(tmpdir(), 'planned', { problems: 16, samples: 4, topP: 0.9 });
    const ratio =
      (memoryOf({ type: 'generate', recipe, architecture, placement })?.step ?? 0) /
      decodingBytes(architecture, 64, true);
    assert.ok(ratio > 0.9 && ratio < 1.2, ratio.toFixed(3));
  });
});

/** What the plan says of RL on `miniBatch` responses at a time. */
function plannedLearning(architecture: Architecture, miniBatch: number, fields: Partial<PpoRecipe> = {}) {
  const memory = memoryOf({
    type: 'rl',
    recipe: { ...learning, batch: miniBatch, examples: miniBatch, miniBatch, ...fields },
    architecture,
    placement,
  });
  return memory ?? assert.fail('reinforcement learning takes memory');
}

const learning: PpoRecipe = {
  ...ppoUsually,
  algorithm: 'ppo',
  data: { name: 'sums', part: 'problems', source: generated('sums') },
  examples: 0,
  epochs: 1,
  batch: 0,
  miniBatch: 0,
  innerEpochs: 1,
  maxResponse: 32,
  temperature: 1,
  criticLr: 1e-5,
  gamma: 1,
  lambda: 1,
  clipRatio: 0.2,
  valueClip: 0.5,
  klCoef: 0.01,
  entropyCoef: 0.01,
  lr: 1e-5,
  warmup: 0,
  ...optimizer,
};

describe('the planned memory of RL', () => {
  it('has no critic where the algorithm has none, and counts all responses of a round', () => {
    const architecture = shape({ hidden: 64, layers: 2, ffn: 172, context: 64 });
    const { criticLr: _, gamma: __, lambda: ___, valueClip: ____, ...shared } = learning;
    const grouped = (batch: number, responses: number) =>
      memoryOf({
        type: 'rl',
        recipe: {
          ...shared,
          algorithm: 'rloo',
          dynamicSampling: false,
          maxSamplings: 10,
          batch,
          responses,
          examples: batch,
          miniBatch: batch * responses,
        },
        architecture,
        placement,
      });
    assert.deepEqual(grouped(8, 4), grouped(4, 8));
    assert.ok((grouped(8, 4)?.step ?? 0) > (grouped(8, 2)?.step ?? 0));
    assert.ok((grouped(8, 4)?.models ?? 0) < plannedLearning(architecture, 32).models);
  });

  const cases: [string, Architecture, number][] = [
    ['activations', shape({ hidden: 64, layers: 6, ffn: 172, context: 64 }), 64],
    ['logits', shape({ vocab: 8192, context: 64 }), 16],
    ['the optimizer', shape({ hidden: 256, layers: 4, kvHeads: 4, ffn: 688, context: 64 }), 1],
  ];
  for (const [what, architecture, sequences] of cases) {
    it(`is what the policy’s graph takes: ${what}`, () => {
      const parameters = initialise(architecture, 1);
      const policy = adamw(parameters, optimizer);
      const sums = policySums({ architecture, parameters, temperature: 1 }, ppo(learning));
      const count = sequences * architecture.context;
      const figures = Object.fromEntries(
        ['weights', 'shares', 'oldLogProbs', 'referenceLogProbs', 'advantages'].map((name) => [
          name,
          { dtype: 'float32', shape: [count] },
        ]),
      );
      const inputs = {
        tokens: { dtype: 'int32', shape: [sequences, architecture.context] },
        targets: { dtype: 'int32', shape: [count] },
        ...figures,
        rates: { dtype: 'float32', shape: [3] },
      } as unknown as PolicyTensors & { rates: Tensor1D };
      for (const precision of ['float32', 'bfloat16'] as const) {
        const learn = capture(
          ({ rates, ...given }: typeof inputs) => update(policy, sums, given as PolicyTensors, rates),
          { precision },
        );
        const ratio = plannedLearning(architecture, sequences, { precision }).step / learn.peakBytes(inputs);
        learn.dispose();
        assert.ok(ratio > (precision === 'float32' ? 0.95 : 0.85) && ratio < 1.2, `${precision}: ${ratio.toFixed(3)}`);
      }
      policy.dispose();
      disposeParameters(parameters);
    });
  }

  it('counts models as they are held: a sum of gradients each where mini-batches go in parts, and the weights of decoding', () => {
    const tensors = (make: () => { dispose(): void }) => {
      const before = tf.memory().numBytes;
      const made = make();
      const taken = tf.memory().numBytes - before;
      made.dispose();
      return taken;
    };
    const parameters = initialise(tiny, 1);
    const decoding = tensors(() => decodingWeights(tiny, parameters));
    const critic = createCritic(tiny, parameters);
    const sums = [parameters, critic].map((each) => tensors(() => gradientSum(each)));
    const copies = 4 * parameterCount(tiny);
    const trained = 3 * sums.reduce((sum, bytes) => sum + bytes, 0);
    const fits = tokensAtOnce / tiny.context;
    assert.equal(plannedLearning(tiny, fits).models, trained + copies + decoding);
    assert.equal(plannedLearning(tiny, fits + 1).models, trained + copies + decoding + trained / 3);
    assert.equal(plannedAnswers(tiny, 1).models, copies + decoding);
    for (const model of [parameters, critic]) disposeParameters(model);
  });
});

describe('a training', () => {
  let root: string;
  let tokenizer: string;
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'descent-memory-'));
    tokenizer = writeByteTokenizer(join(root, 'tokenizer'));
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  const jobOf = (name: string, architecture: Architecture, batchSequences: number, steps: number): PretrainJob => {
    const job = pretrainJob(root, name, tokenizer, steps);
    const mix: Mixture = [{ name: 'web', source: generated('stories'), sequences: steps * batchSequences }];
    return { ...job, recipe: { ...job.recipe, schedule: 'cosine', warmup: 0, architecture, batchSequences, mix } };
  };
  const recomputed = <Job extends PretrainJob | ReturnType<typeof sftJob>>(job: Job): Job => ({
    ...job,
    placement: { ...job.placement, recomputeActivations: true },
  });

  it('takes as much memory as planned, within a fifth, and says how much that was', async () => {
    const architecture = shape({ hidden: 96, layers: 3, kvHeads: 4, ffn: 256, vocab: 512, context: 128 });
    const job = jobOf('measured', architecture, 32, 3);
    const { events } = await runTrainer(job);
    const said = events.find((event) => event.event === 'memory');
    const expected = planned(architecture, 32, 'float32', false).peak;
    const ratio = expected / (said?.peakBytes ?? 0);
    assert.ok(ratio > 0.8 && ratio < 1.2, `planned ${expected}, measured ${said?.peakBytes}: ${ratio.toFixed(2)}`);
    assert.equal(events.at(-1)?.event, 'done');
  });

  it('ends in the same bytes where activations are recomputed', async () => {
    await runTrainer(pretrainJob(root, 'kept', tokenizer, 6));
    await runTrainer(recomputed(pretrainJob(root, 'recomputed', tokenizer, 6)));
    assert.equal(modelDigest(join(root, 'recomputed')), modelDigest(join(root, 'kept')));

    const inBfloat16 = (name: string) => {
      const job = sftJob(root, name, join(root, 'kept', 'model'), 24);
      return { ...job, recipe: { ...job.recipe, precision: 'bfloat16' as const } };
    };
    await runTrainer(inBfloat16('tuned'));
    await runTrainer(recomputed(inBfloat16('tuned-recomputed')));
    assert.equal(modelDigest(join(root, 'tuned-recomputed')), modelDigest(join(root, 'tuned')));
  });

  it('is refused before its first step where it cannot fit, with what it takes, what there is, and what to do', async () => {
    // Attention's probabilities alone are 9 / 16 * 4 heads * context² numbers a layer: more than 5 TB.
    const job = jobOf('large', shape({ context: 2 ** 20, hidden: 8, ffn: 8 }), 1, 1);
    const { code, events } = await startTrainer(job).ended;
    assert.equal(code, 1);
    const failed = events.at(-1);
    assert.ok(failed?.event === 'failed' && failed.kind === 'out-of-memory', JSON.stringify(failed));
    assert.match(
      failed.message,
      /^A step on 1 x 1048576 tokens takes \S+ GB of memory, and there are \S+ GB for it\. Set `recomputeActivations: true`/,
    );
    assert.equal(failed.step, 0);
  });
});

describe('room for tensors', () => {
  const held = () => tf.memory().numBytes;
  it('is judged once for what is no larger than what had room', () => {
    let asked = 0;
    const require = roomForTensors(held, () => {
      asked++;
      return 1e9;
    });
    require(5e8, 'This');
    require(4e8, 'That');
    assert.equal(asked, 1);
    assert.throws(
      () => require(1e12, 'All'),
      /^TrainerFailure: All takes 1,150 GB of memory, and there are 1(\.\d+)? GB for it\./,
    );
  });

  it('is not where other tensors lie that were made meanwhile, but where they lay', () => {
    const require = roomForTensors(held, () => 0);
    const others = tf.ones([5e7]);
    others.dataSync();
    assert.throws(() => require(1e8, 'This'), /takes 0\.115 GB of memory, and there are 0(\.0\d+)? GB for it/);
    others.dispose();
    require(1e8, 'This');
  });
});

describe('training on and on', () => {
  it('grows neither in tensors nor in their memory', () => {
    const architecture = shape({ layers: 1 });
    const parameters = initialise(architecture, 1);
    const model = adamw(parameters, optimizer);
    const update = supervisedSteps(architecture, model);
    const count = 2 * architecture.context;
    const batch = {
      sequences: 2,
      time: architecture.context,
      tokens: new Int32Array(count).fill(1),
      targets: new Int32Array(count).fill(2),
      weights: new Float32Array(count).fill(1 / count),
    };
    const after = (steps: number) => {
      for (let step = 0; step < steps; step++) update(batch, 1e-3);
      return { tensors: tf.memory().numTensors, bytes: tf.memory().numBytes };
    };
    const warm = after(20);
    assert.deepEqual(after(300), warm);
    update.dispose();
    model.dispose();
    disposeParameters(parameters);
  });
});
