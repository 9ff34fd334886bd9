import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs-node';
import { parameterShapes, queryBlocks } from '../../schemas/llama.ts';
import type { Architecture } from '../../schemas/types/job.ts';
import { adamw, valueAndGradients } from '../../trainer/adamw.ts';
import { attention, headsOf, rotaryTable } from '../../trainer/attention.ts';
import { type Batch, batchTensors, inParts } from '../../trainer/batch.ts';
import { toConfig } from '../../trainer/config.ts';
import { capture } from '../../trainer/graph/capture.ts';
import { initialise } from '../../trainer/init.ts';
import { hiddenStates, logits } from '../../trainer/model.ts';
import { outputLogProbs, outputLoss, rows, tokenLogProbs } from '../../trainer/ops.ts';
import { loadModel, type Parameters } from '../../trainer/parameters.ts';
import { random } from '../../trainer/random.ts';
import { writeSafetensors } from '../../trainer/safetensors.ts';
import { supervisedLoss, supervisedSteps } from '../../trainer/supervised.ts';
import { tf } from '../../trainer/tf.ts';
import { close, temporaryFolder, tiny } from './support.ts';

const shape = { ...tiny, vocab: 23 };
const drawn = (count: number, purpose: string) => {
  const { integer } = random(5, purpose);
  return Int32Array.from({ length: count }, () => integer(shape.vocab));
};

/** Weights larger than at the start and gains that differ, so that nothing passes by being small or one. */
function spreadWeights(architecture: Architecture): Parameters {
  const parameters = initialise(architecture, 1);
  for (const [name, parameter] of Object.entries(parameters)) {
    const { normal } = random(2, name);
    const values = Float32Array.from({ length: parameter.size }, () =>
      parameter.rank === 1 ? 1 + 0.3 * normal() : 0.5 * normal(),
    );
    tf.tidy(() => parameter.assign(tf.tensor(values, parameter.shape)));
  }
  return parameters;
}

/**
 * LLaMA once more, operator by operator as its Hugging Face implementation reads (`modeling_llama.py`): every head has
 * keys and values of its own by repetition, rotate_half, an additive mask. tfjs differentiates it.
 */
function referenceLogits(a: Architecture, parameters: Parameters, tokens: Int32Array, batch: number): Tensor2D {
  const time = tokens.length / batch;
  const headSize = a.hidden / a.heads;
  const w = (name: string) => parameters[name] as Tensor as Tensor2D;
  const norm = (x: Tensor, name: string) => {
    const variance = tf.mean(tf.square(x), -1, true);
    return tf.mul(w(name), tf.mul(x, tf.rsqrt(tf.add(variance, a.normEpsilon))));
  };
  const angles = Array.from({ length: time }, (_, t) =>
    Array.from({ length: headSize }, (_, i) => t / a.ropeTheta ** ((2 * (i % (headSize / 2))) / headSize)),
  );
  const rotate = (x: Tensor4D) => {
    const [first, second] = tf.split(x, 2, 3) as [Tensor4D, Tensor4D];
    return tf.add<Tensor4D>(tf.mul(x, tf.cos(angles)), tf.mul(tf.concat([tf.neg(second), first], 3), tf.sin(angles)));
  };
  const heads = (x: Tensor, count: number) =>
    x.reshape([batch, time, count, headSize]).transpose([0, 2, 1, 3]) as Tensor4D;
  const repeat = (x: Tensor4D) =>
    tf.concat(
      Array.from({ length: a.heads }, (_, head) => tf.slice(x, [0, Math.floor((head * a.kvHeads) / a.heads)], [-1, 1])),
      1,
    );
  const mask = tf.tensor2d(
    Array.from({ length: time }, (_, t) => Array.from({ length: time }, (_, s) => (s > t ? -1e30 : 0))),
  );
  const linear = (x: Tensor, name: string) => tf.matMul(x as Tensor2D, w(name), false, true);

  let x: Tensor = tf.gather(w('model.embed_tokens.weight'), tf.tensor1d(tokens, 'int32'));
  for (let layer = 0; layer < a.layers; layer++) {
    const block = `model.layers.${layer}`;
    const h = norm(x, `${block}.input_layernorm.weight`);
    const q = rotate(heads(linear(h, `${block}.self_attn.q_proj.weight`), a.heads));
    const k = repeat(rotate(heads(linear(h, `${block}.self_attn.k_proj.weight`), a.kvHeads)));
    const v = repeat(heads(linear(h, `${block}.self_attn.v_proj.weight`), a.kvHeads));
    const scores = tf.add(tf.div(tf.matMul(q, k, false, true), Math.sqrt(headSize)), mask);
    const attended = tf
      .matMul(tf.softmax(scores), v)
      .transpose([0, 2, 1, 3])
      .reshape([batch * time, a.hidden]);
    x = tf.add(x, linear(attended, `${block}.self_attn.o_proj.weight`));
    const f = norm(x, `${block}.post_attention_layernorm.weight`);
    const gate = linear(f, `${block}.mlp.gate_proj.weight`);
    const product = tf.mul(tf.mul(gate, tf.sigmoid(gate)), linear(f, `${block}.mlp.up_proj.weight`));
    x = tf.add(x, linear(product, `${block}.mlp.down_proj.weight`));
  }
  return linear(norm(x, 'model.norm.weight'), 'lm_head.weight') as Tensor2D;
}

const places = Int32Array.of(3, 7, 8, 8, 20);
const batch: Batch = {
  sequences: 3,
  time: 9,
  tokens: drawn(27, 'tokens'),
  places,
  targets: drawn(5, 'targets'),
  weights: Float32Array.of(0.1, 0.2, 0.3, 0.4, 0),
};

function referenceLoss(a: Architecture, parameters: Parameters): Scalar {
  const logProbs = tf.logSoftmax(
    tf.gather(referenceLogits(a, parameters, batch.tokens, batch.sequences), tf.tensor1d(places, 'int32')),
  );
  const onehot = tf.oneHot(tf.tensor1d(batch.targets, 'int32'), a.vocab);
  return tf.neg(tf.sum(tf.mul(tf.sum(tf.mul(logProbs, onehot), 1), tf.tensor1d(batch.weights))));
}

describe('the model', () => {
  const shapes: [string, Architecture][] = [
    ['grouped queries', shape],
    ['a key and value head for each head', { ...shape, kvHeads: 4 }],
    ['one key and value head', { ...shape, kvHeads: 1, layers: 1 }],
  ];
  for (const [what, architecture] of shapes) {
    it(`computes what the reference does, and the same gradients, with ${what}`, () => {
      tf.tidy(() => {
        const parameters = spreadWeights(architecture);
        const tokens = tf.tensor2d(batch.tokens, [3, 9], 'int32');
        const scores = logits(parameters, hiddenStates(architecture, parameters, tokens));
        assert.deepEqual(scores.shape, [3, 9, architecture.vocab]);
        close(scores.dataSync(), referenceLogits(architecture, parameters, batch.tokens, 3).dataSync(), 2e-5, 'logits');
        const own = valueAndGradients(() => supervisedLoss(architecture, parameters, batchTensors(batch)), parameters);
        const expected = valueAndGradients(() => referenceLoss(architecture, parameters), parameters);
        close(own.value.dataSync(), expected.value.dataSync(), 1e-5, 'loss');
        assert.deepEqual(Object.keys(own.gradients), Object.keys(parameterShapes(architecture)));
        for (const [name, gradient] of Object.entries(own.gradients)) {
          assert.deepEqual(gradient.shape, parameters[name]?.shape, name);
          close(gradient.dataSync(), expected.gradients[name]?.dataSync() as Float32Array, 2e-5, name);
        }
      });
    });
  }

  it('attends in blocks to long sequences as the reference does, with the same gradients', () => {
    const [architecture, time] = [{ ...shape, layers: 1 }, 300];
    assert.deepEqual(queryBlocks(time), [128, 128, 44]);
    tf.tidy(() => {
      const parameters = spreadWeights(architecture);
      const tokens = drawn(2 * time, 'long');
      const upstream = tf.tensor2d(
        Float32Array.from({ length: 2 * time * 23 }, random(1, 'upstream').normal),
        [600, 23],
      );
      const along = (scores: Tensor) => tf.mean(tf.mul(scores, upstream)) as Scalar;
      const own = valueAndGradients(
        () =>
          along(
            logits(parameters, hiddenStates(architecture, parameters, tf.tensor2d(tokens, [2, time], 'int32'))).reshape(
              [600, 23],
            ),
          ),
        parameters,
      );
      const expected = valueAndGradients(() => along(referenceLogits(architecture, parameters, tokens, 2)), parameters);
      close(own.value.dataSync(), expected.value.dataSync(), 1e-5, 'value');
      for (const [name, gradient] of Object.entries(own.gradients))
        close(gradient.dataSync(), expected.gradients[name]?.dataSync() as Float32Array, 2e-5, name);
    });
  });

  it('sees nothing of later tokens, nor of other sequences', () => {
    tf.tidy(() => {
      const parameters = spreadWeights(shape);
      const changed = batch.tokens.slice();
      changed[5] = (changed[5] as number) ^ 1;
      const states = (tokens: Int32Array) =>
        hiddenStates(shape, parameters, tf.tensor2d(tokens, [3, 9], 'int32')).arraySync();
      const [before, after] = [states(batch.tokens), states(changed)];
      assert.deepEqual(after.slice(1), before.slice(1));
      close((after[0] as number[][]).slice(0, 5).flat(), (before[0] as number[][]).slice(0, 5).flat(), 1e-6);
      for (let t = 5; t < 9; t++) assert.notDeepEqual(after[0]?.[t], before[0]?.[t]);
    });
  });

  it('attends by distance: the same tokens later in the sequence score the same', () => {
    tf.tidy(() => {
      const parameters = spreadWeights(shape);
      const [time, headSize] = [9, shape.hidden / shape.heads];
      const x = rows(
        parameters['model.embed_tokens.weight'] as Tensor2D,
        tf.tensor1d(batch.tokens.slice(0, 9), 'int32'),
      );
      const block = 'model.layers.0';
      const matrix = (name: string) => parameters[`${block}.self_attn.${name}_proj.weight`] as Tensor2D;
      const weights = {
        gain: parameters[`${block}.input_layernorm.weight`] as Tensor1D,
        ...{ q: matrix('q'), k: matrix('k'), v: matrix('v'), o: matrix('o') },
      };
      const table = rotaryTable(20, headSize, shape.ropeTheta);
      const attended = (first: number) => {
        const places = (part: Tensor) => part.slice([first, 0], [time, headSize]);
        const rotary = { cos: places(table.cos), sin: places(table.sin) };
        return attention(x, weights, 1e-5, { ...headsOf(shape, 1, time), rotary }).dataSync();
      };
      close(attended(11), attended(0), 1e-4);
    });
  });

  it('keeps no tensor of a step but parameters and optimizer state', () => {
    const parameters = initialise(shape, 1);
    const model = adamw(parameters, { betas: [0.9, 0.95], weightDecay: 0.1, clip: 1 });
    const update = supervisedSteps(shape, model);
    update(batch, 1e-3);
    const before = tf.memory().numTensors;
    for (let i = 0; i < 3; i++) update(batch, 1e-3);
    assert.equal(tf.memory().numTensors, before);
  });

  for (const places of [true, false])
    it(`learns the same from a batch in parts, ${places ? 'of chosen places' : 'of all tokens'}`, () => {
      const given = places
        ? { ...batch, sequences: 3 }
        : { ...batch, places: undefined, targets: drawn(27, 'targets'), weights: new Float32Array(27).fill(1 / 27) };
      const { places: chosen, ...all } = given;
      const trained = (atOnce: number) => {
        const model = adamw(initialise(shape, 1), { betas: [0.9, 0.95], weightDecay: 0.1, clip: 1 });
        const update = supervisedSteps(shape, model, { atOnce });
        const steps = [1, 2, 3].map(() => Object.values(update(chosen ? { ...all, places: chosen } : all, 1e-3)));
        const before = tf.memory().numTensors;
        update(chosen ? { ...all, places: chosen } : all, 0);
        assert.equal(tf.memory().numTensors, before, 'tensors left');
        update.dispose();
        return { steps: steps.flat(), moments: Object.values(model.state().first) };
      };
      const whole = trained(27);
      for (const atOnce of [18, 9, 1]) {
        const parts = trained(atOnce);
        close(parts.steps, whole.steps, 1e-6, `${atOnce} at once`);
        for (const [i, values] of whole.moments.entries()) close(parts.moments[i] as Float32Array, values, 1e-6);
      }
    });

  it('counts each prediction once in the parts of a batch', () => {
    const parts = inParts(batch, 9);
    assert.deepEqual(
      parts.map(({ sequences, tokens }) => [sequences, tokens.length]),
      [
        [1, 9],
        [1, 9],
        [1, 9],
      ],
    );
    const predictions = parts.flatMap(({ places, targets, weights }, part) =>
      [...(places as Int32Array)].flatMap((place, i) =>
        weights[i] === 0 ? [] : [[part * 9 + place, targets[i], weights[i]]],
      ),
    );
    const wanted = [...places].map((place, i) => [place, batch.targets[i], batch.weights[i]]);
    assert.deepEqual(predictions, wanted.slice(0, 4), 'the last has no weight');
  });

  it('learns a batch by heart', () => {
    const parameters = initialise(shape, 1);
    const model = adamw(parameters, { betas: [0.9, 0.95], weightDecay: 0, clip: 1 });
    const update = supervisedSteps(shape, model);
    const first = update(batch, 1e-2).loss as number;
    for (let i = 0; i < 40; i++) update(batch, 1e-2);
    const last = update(batch, 1e-2).loss as number;
    assert.ok(first > 2.5 && last < 0.6, `${first} to ${last}`);
  });
});

describe('initial weights', () => {
  const wide = { ...tiny, hidden: 64, ffn: 96, layers: 3 };
  const parameters = initialise(wide, 1);
  const deviation = (name: string) => {
    const values = parameters[name]?.dataSync() as Float32Array;
    return Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / values.length);
  };

  it('have the deviations of the recipe', () => {
    for (const name of [
      'model.embed_tokens.weight',
      'model.layers.1.self_attn.q_proj.weight',
      'model.layers.2.mlp.gate_proj.weight',
      'lm_head.weight',
    ]) {
      assert.ok(Math.abs(deviation(name) / Math.sqrt(2 / (5 * 64)) - 1) < 0.05, name);
    }
    for (const name of ['model.layers.0.self_attn.o_proj.weight', 'model.layers.2.mlp.down_proj.weight']) {
      assert.ok(Math.abs(deviation(name) / (1 / 8 / 3) - 1) < 0.05, name);
    }
    assert.equal(deviation('model.layers.0.input_layernorm.weight'), 1);
  });

  it('follow from the seed, each parameter from its name alone', () => {
    const values = (of: Parameters, name: string) => of[name]?.dataSync();
    const deeper = initialise({ ...wide, vocab: 300 }, 1);
    assert.deepEqual(
      values(deeper, 'model.layers.1.mlp.up_proj.weight'),
      values(parameters, 'model.layers.1.mlp.up_proj.weight'),
    );
    assert.notDeepEqual(values(initialise(wide, 2), 'lm_head.weight'), values(parameters, 'lm_head.weight'));
  });
});

describe('log-probabilities of tokens', () => {
  const scores = tf.tensor2d([
    [1, 2, 3],
    [-200, 300, 0],
    [5, 5, 5],
    [0, 0, -400],
  ]);
  const targets = tf.tensor1d([0, 0, 2, 2], 'int32');
  const expected = [1 - (3 + Math.log(1 + Math.exp(-1) + Math.exp(-2))), -500, -Math.log(3), -400 - Math.log(2)];
  const upstream = tf.tensor1d([1, 2, -3, 0.5]);

  it('are exact, also where the probability is too small for a number', () => {
    close(tokenLogProbs(scores, targets).dataSync(), expected, 1e-6);
  });

  it('have the gradient onehot - p, weighted', () => {
    const gradient = tf.grad((x) => tokenLogProbs(x as Tensor2D, targets))(scores, upstream);
    const p = tf.softmax(scores).arraySync() as number[][];
    const wanted = p.map((row, i) =>
      row.map((value, id) => (upstream.arraySync()[i] as number) * (Number(id === targets.arraySync()[i]) - value)),
    );
    close(gradient.dataSync(), wanted.flat(), 1e-6);
  });

  // More rows than are taken at once, and not a multiple of them.
  const [count, width, vocab] = [2500, 4, 6];
  const { normal, integer } = random(1, 'output');
  const x = tf.tensor2d(Float32Array.from({ length: count * width }, normal), [count, width]);
  const weight = tf.variable(tf.tensor2d(Float32Array.from({ length: vocab * width }, normal), [vocab, width]));
  const chosen = tf.tensor1d(
    Int32Array.from({ length: count }, () => integer(vocab)),
    'int32',
  );
  const shares = tf.tensor1d(Float32Array.from({ length: count }, () => Math.abs(normal()) / count));
  const apart = (x: Tensor, w: Tensor) => tokenLogProbs(tf.matMul(x as Tensor2D, w as Tensor2D, false, true), chosen);

  it('come out the same when the output layer goes through some rows after the others', () => {
    for (const found of [
      outputLogProbs(x, weight as Tensor as Tensor2D, chosen),
      capture(() => ({ logProbs: outputLogProbs(x, weight as Tensor as Tensor2D, chosen) }))({}).logProbs,
    ])
      close(found.dataSync(), apart(x, weight).dataSync(), 1e-6);
  });

  it('have gradients then, for which probabilities are computed again', () => {
    const upstream = tf.tensor1d(Float32Array.from({ length: count }, normal));
    const summed = (logProbs: (x: Tensor, w: Tensor) => Tensor) => (x: Tensor, w: Tensor) =>
      tf.sum(tf.mul(logProbs(x, w), upstream)) as Scalar;
    const inTurn = summed((x, w) => outputLogProbs(x as Tensor2D, w as Tensor2D, chosen));
    const expected = tf.grads(summed(apart))([x, weight]);
    const captured = capture(() => {
      const [ofX, ofWeight] = tf.grads(inTurn)([x, weight]);
      return { ofX: ofX as Tensor, ofWeight: ofWeight as Tensor };
    })({});
    for (const grads of [tf.grads(inTurn)([x, weight]), [captured.ofX, captured.ofWeight]])
      for (const [i, gradient] of expected.entries())
        close(grads[i]?.dataSync() as Float32Array, gradient.dataSync(), 1e-5);
  });

  it('make the loss of the output layer, whose gradients are computed with it', () => {
    const loss = (x: Tensor, w: Tensor) => tf.mul(3, outputLoss(x as Tensor2D, w as Tensor2D, chosen, shares));
    const wanted = (x: Tensor, w: Tensor) => tf.mul(-3, tf.sum(tf.mul(apart(x, w), shares)));
    const expected = tf.valueAndGrads(wanted)([x, weight]);
    for (const { value, grads } of [
      tf.valueAndGrads(loss)([x, weight]),
      capture(() => {
        const { value, grads } = tf.valueAndGrads(loss)([x, weight]);
        return { value, x: grads[0] as Tensor, weight: grads[1] as Tensor };
      })({}),
    ].map((found) => ('grads' in found ? found : { value: found.value, grads: [found.x, found.weight] }))) {
      close(value.dataSync(), expected.value.dataSync(), 1e-6);
      for (const [i, gradient] of expected.grads.entries())
        close(grads[i]?.dataSync() as Float32Array, gradient.dataSync(), 1e-6);
    }
  });
});

describe('rows', () => {
  it('add up the gradients of a row that is taken twice', () => {
    const matrix = tf.variable(
      tf.tensor2d([
        [1, 2],
        [3, 4],
        [5, 6],
      ]),
    );
    const indices = tf.tensor1d([2, 0, 2], 'int32');
    assert.deepEqual(rows(matrix as Tensor as Tensor2D, indices).arraySync(), [
      [5, 6],
      [1, 2],
      [5, 6],
    ]);
    const gradient = tf.grad((x) => rows(x as Tensor2D, indices as Tensor1D))(
      matrix,
      tf.tensor2d([
        [1, 1],
        [2, 2],
        [3, 3],
      ]),
    );
    assert.deepEqual(gradient.arraySync(), [
      [2, 2],
      [0, 0],
      [4, 4],
    ]);
  });
});

describe('loading a model', () => {
  async function write(
    folder: string,
    change: (tensors: Parameters) => object = (parameters) => parameters,
  ): Promise<string> {
    writeFileSync(join(folder, 'config.json'), JSON.stringify(toConfig(shape, { eos: 0 })));
    const changed = change(initialise(shape, 1)) as Parameters;
    const tensors = Object.entries(changed).map(([name, { shape, dataSync }]) => [
      name,
      { shape, values: dataSync.call(changed[name]) },
    ]);
    await writeSafetensors(join(folder, 'model.safetensors'), Object.fromEntries(tensors));
    return folder;
  }

  it('gives the weights that were saved', async (t) => {
    const { architecture, parameters } = await loadModel(await write(temporaryFolder(t)));
    assert.deepEqual(architecture, shape);
    const saved = initialise(shape, 1);
    assert.deepEqual(Object.keys(parameters), Object.keys(saved));
    for (const [name, parameter] of Object.entries(parameters))
      assert.deepEqual(parameter.dataSync(), saved[name]?.dataSync());
  });

  it('makes an output matrix of its own of one that is tied to the embeddings', async (t) => {
    const folder = await write(temporaryFolder(t), ({ 'lm_head.weight': _, ...rest }) => rest);
    writeFileSync(
      join(folder, 'config.json'),
      JSON.stringify({ ...toConfig(shape, { eos: 0 }), tie_word_embeddings: true }),
    );
    const { parameters } = await loadModel(folder);
    assert.deepEqual(Object.keys(parameters), Object.keys(initialise(shape, 1)));
    const [embeddings, output] = [parameters['model.embed_tokens.weight'], parameters['lm_head.weight']];
    assert.ok(embeddings && output);
    const before = embeddings.dataSync();
    assert.deepEqual(output.dataSync(), before);
    output.assign(tf.zerosLike(output));
    assert.deepEqual(embeddings.dataSync(), before);
    await write(folder);
    writeFileSync(
      join(folder, 'config.json'),
      JSON.stringify({ ...toConfig(shape, { eos: 0 }), tie_word_embeddings: true }),
    );
    await assert.rejects(loadModel(folder), /has lm_head\.weight, which this kind of model does not/);
  });

  it('passes over tables that early checkpoints hold', async (t) => {
    const table = 'model.layers.0.self_attn.rotary_emb.inv_freq';
    const folder = await write(temporaryFolder(t), (all) => ({ ...all, [table]: all['model.norm.weight'] }));
    assert.deepEqual(Object.keys((await loadModel(folder)).parameters), Object.keys(initialise(shape, 1)));
  });

  it('says what is missing, of another shape, or too much', async (t) => {
    const without = await write(temporaryFolder(t), ({ 'lm_head.weight': _, ...rest }) => rest);
    await assert.rejects(loadModel(without), {
      kind: 'bad-data',
      message: /has no lm_head\.weight, which config\.json asks for/,
    });
    const other = await write(temporaryFolder(t), (all) => ({ ...all, 'model.norm.weight': all['lm_head.weight'] }));
    await assert.rejects(loadModel(other), {
      kind: 'bad-data',
      message: /model\.norm\.weight has the shape \[23,16\], and config\.json asks for \[16\]/,
    });
    const more = await write(temporaryFolder(t), (all) => ({ ...all, 'lm_head.bias': all['model.norm.weight'] }));
    await assert.rejects(loadModel(more), {
      kind: 'bad-data',
      message: /has lm_head\.bias, which this kind of model does not/,
    });
  });
});
