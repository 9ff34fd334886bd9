import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Rank, Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import { adamw, valueAndGradients } from '../../trainer/adamw.ts';
import { type Batch, batchTensors } from '../../trainer/batch.ts';
import { CaptureError, capture } from '../../trainer/graph/capture.ts';
import { peakBytes } from '../../trainer/graph/memory.ts';
import { initialise } from '../../trainer/init.ts';
import { backend } from '../../trainer/native.ts';
import { disposeParameters, type Parameters } from '../../trainer/parameters.ts';
import { supervisedLoss, supervisedUpdate, type UpdateTensors } from '../../trainer/supervised.ts';
import { tf } from '../../trainer/tf.ts';
import { close, tiny } from './support.ts';

const rates = { betas: [0.9, 0.95] as [number, number], weightDecay: 0.1, clip: 1 };

function batchOf(step: number, sequences = 3, time = 8): Batch {
  const count = sequences * time;
  const drawn = (factor: number) => Int32Array.from({ length: count }, (_, i) => (i * factor + 7 * step) % tiny.vocab);
  const weights = new Float32Array(count).fill(1 / count);
  return { sequences, time, tokens: drawn(31), targets: drawn(17), weights };
}

const valuesOf = (parameters: Parameters) =>
  Object.values(parameters).map((parameter) => parameter.dataSync() as Float32Array);

describe('a captured function', () => {
  it('computes what it does eagerly, from new inputs and the latest values of variables', () => {
    const slope = tf.variable(tf.tensor1d([1, 2]));
    const line = capture(({ x }: { x: Tensor1D }) => ({
      y: tf.add(tf.mul(slope, x), 0.5),
      same: x,
      one: tf.scalar(1),
    }));
    const at = (x: number[]) => Object.values(line({ x: tf.tensor1d(x) })).map((tensor) => [...tensor.dataSync()]);
    assert.deepEqual(at([1, 1]), [[1.5, 2.5], [1, 1], [1]]);
    assert.deepEqual(at([2, 4]), [[2.5, 8.5], [2, 4], [1]]);
    slope.assign(tf.tensor1d([0, 10]));
    assert.deepEqual(at([2, 4]), [[0.5, 40.5], [2, 4], [1]]);
  });

  it('shares variables with others, which see what it assigns, once for each call', () => {
    const count = tf.variable(tf.scalar(0));
    const last = tf.variable(count); // shares its values, for now
    const advance = capture(({ by }: { by: Scalar }) => {
      last.assign(count);
      count.assign(tf.add(count, by));
      return {};
    });
    const look = capture(() => ({ both: tf.stack([last, count]) }));
    advance({ by: tf.scalar(1) });
    assert.deepEqual([...look({}).both.dataSync()], [0, 1]);
    advance({ by: tf.scalar(5) });
    assert.deepEqual([...look({}).both.dataSync()], [1, 6]);
    assert.deepEqual([...count.dataSync(), ...last.dataSync()], [6, 1]);
  });

  it('has a graph for each shape, and runs its body for none twice', () => {
    let runs = 0;
    const sum = capture(({ x }: { x: Tensor }) => {
      runs += 1;
      return { sum: tf.sum(x), mean: tf.mean(x, 0) };
    });
    for (const shape of [[2, 3], [4, 3], [2, 3], [6], [4, 3]]) {
      const { sum: total, mean } = sum({ x: tf.ones(shape) });
      assert.equal(
        total.dataSync()[0],
        shape.reduce((product, length) => product * length, 1),
      );
      assert.deepEqual(mean.shape, shape.slice(1));
    }
    sum({ x: tf.ones([6], 'int32') });
    assert.equal(runs, 4);
  });

  it('forgets the graph that was not used for longest, where there are many', () => {
    let runs = 0;
    const sum = capture(({ x }: { x: Tensor }) => {
      runs += 1;
      return { sum: tf.sum(x) };
    });
    const at = (length: number) => sum({ x: tf.ones([length]) }).sum.dataSync()[0];
    for (let length = 1; length <= 40; length++) {
      assert.equal(at(length), length);
      assert.equal(at(1), 1);
    }
    assert.equal(runs, 40);
    assert.equal(at(2), 2);
    assert.equal(runs, 41);
    sum.dispose();
    assert.equal(at(1), 1);
    assert.equal(runs, 42);
  });

  it('is gone through without computing anything', () => {
    const body = ({ x }: { x: Tensor2D }) => ({ sum: tf.sum(tf.matMul(x, x, true)) });
    const million = { x: { dtype: 'float32' as const, shape: [1, 1_000_000] } };
    // Four terabytes, and the sum with its axes.
    assert.equal(capture(body).peakBytes(million), 4e12 + 4 + 8);
  });

  it('reads a constant once, however often it is used', () => {
    const table = tf.tensor1d([1, 2, 3]);
    const same = tf.tensor1d([1, 2, 3]);
    table.add(same).dispose(); // TensorFlow has their values from here on
    const { readSync } = backend;
    const read: object[] = [];
    backend.readSync = (dataId) => {
      read.push(dataId);
      return readSync.call(backend, dataId);
    };
    try {
      const body = () => ({ y: tf.add(tf.mul(table, table), tf.mul(table, same)) });
      assert.deepEqual([...capture(body)({}).y.dataSync()], [2, 8, 18]);
      assert.deepEqual(read.slice(0, 2), [table.dataId, same.dataId]);
      assert.equal(read.length, 3); // the third is this test's own
      // Equal ones are one: 12 bytes, and for a moment both products and their sum.
      assert.equal(capture(body).peakBytes({}), 12 + 3 * 12);
    } finally {
      backend.readSync = readSync;
    }
  });

  it('becomes part of another that calls it', () => {
    const twice = capture(({ x }: { x: Tensor }) => ({ x: tf.add(x, x) }));
    const fourTimes = capture(({ x }: { x: Tensor }) => twice(twice({ x })));
    for (const x of [1, 3]) assert.equal(fourTimes({ x: tf.scalar(x) }).x.dataSync()[0], 4 * x);
  });

  it('takes operators with lists, numbers and types among their inputs', () => {
    const body = ({ x, indices }: { x: Tensor2D; indices: Tensor1D }) => {
      const [left, right] = tf.split(x, 2, 1) as [Tensor2D, Tensor2D];
      return {
        joined: tf.concat([right, left, right], 1),
        sliced: tf.slice(x, [0, 1], [1, 2]),
        strided: tf.stridedSlice(x, [0, 0], [2, 4], [1, 2]),
        repeated: tf.tile(x, [2, 1]),
        onehot: tf.oneHot(indices, 5),
        chosen: tf.where(tf.greater(x, 2), x, tf.zerosLike(x)),
        turned: tf.reverse(tf.transpose(x), 0),
        best: tf.topk(x, 2).values,
        ranked: tf.topk(x, 2).indices,
        padded: tf.pad(x, [
          [1, 0],
          [0, 2],
        ]),
        summed: tf.cumsum(x, 1),
        largest: tf.argMax(x, 1),
        integers: tf.cast(x, 'int32'),
        soft: tf.logSoftmax(x),
      };
    };
    const inputs = { x: tf.tensor2d([1, 2, 3, 4, 8, 7, 6, 5], [2, 4]), indices: tf.tensor1d([3, 1], 'int32') };
    const [found, wanted] = [capture(body)(inputs), body(inputs)];
    for (const [name, tensor] of Object.entries(wanted)) {
      const captured = found[name as keyof typeof wanted];
      assert.deepEqual([captured.dtype, captured.shape], [tensor.dtype, tensor.shape], name);
      close(captured.dataSync(), tensor.dataSync(), 1e-6, name);
    }
  });

  it('leaves nothing of its first run, and no tensor of any', () => {
    const state = tf.variable(tf.scalar(1));
    const double = capture(({ x }: { x: Scalar }) => {
      state.assign(tf.mul(state, 2));
      return { y: tf.mul(state, x) };
    });
    const call = () => tf.tidy(() => void double({ x: tf.scalar(3) }).y.dataSync());
    call();
    assert.equal(state.dataSync()[0], 2);
    const { numTensors, numBytes, numDataBuffers } = tf.memory();
    for (let i = 0; i < 5; i++) call();
    const after = tf.memory();
    assert.deepEqual([after.numTensors, after.numBytes, after.numDataBuffers], [numTensors, numBytes, numDataBuffers]);
    assert.equal(state.dataSync()[0], 64);
  });

  it('forgets its functions, and grows by little for each new shape', () => {
    const { binding } = backend;
    const functions = { most: 0, now: 0 };
    const count = (by: number) => {
      functions.now += by;
      functions.most = Math.max(functions.most, functions.now);
    };
    const counting = Object.create(binding, {
      addFunction: { value: (definition: Uint8Array) => [binding.addFunction(definition), count(1)] },
      removeFunction: { value: (name: string) => [binding.removeFunction(name), count(-1)] },
    });
    Object.assign(backend, { binding: counting });
    try {
      const weights = tf.variable(tf.ones([32, 32]));
      const scores = capture(({ x }: { x: Tensor2D }) => ({
        y: tf.mean(tf.softmax(tf.matMul(x, weights as Tensor2D))),
      }));
      const call = (length: number) => tf.tidy(() => void scores({ x: tf.ones([length, 32]) }).y.dataSync());
      const bucket = (index: number) => 16 * (1 + ((index * 7) % 50));
      for (let index = 0; index < 50; index++) call(bucket(index));
      const [{ numTensors }, { rss }] = [tf.memory(), process.memoryUsage()];
      for (let index = 0; index < 300; index++) call(bucket(index));
      assert.deepEqual([functions, tf.memory().numTensors], [{ most: 33, now: 32 }, numTensors]);
      // oneDNN keeps what it made for a shape, and TensorFlow what it made for a function: 300 of these were made anew.
      const grown = (process.memoryUsage().rss - rss) / 2 ** 20;
      assert.ok(grown < 64, `${grown.toFixed(1)} MB for 300 graphs`);
      scores.dispose();
      assert.equal(functions.now, 0);
    } finally {
      Object.assign(backend, { binding });
    }
  });

  it('does not grow over thousands of calls', () => {
    const weights = tf.variable(tf.zeros([64, 64]));
    const grow = capture(({ x }: { x: Tensor2D }) => {
      weights.assign(tf.add(weights, tf.matMul(x, x, true)) as Tensor2D);
      return { mean: tf.mean(weights) };
    });
    const call = (times: number) => {
      for (let i = 0; i < times; i++) tf.tidy(() => void grow({ x: tf.ones([8, 64]) }).mean.dataSync());
    };
    call(1000);
    const [{ numTensors }, { rss }] = [tf.memory(), process.memoryUsage()];
    call(4000);
    assert.equal(tf.memory().numTensors, numTensors);
    const grown = (process.memoryUsage().rss - rss) / 2 ** 20;
    assert.ok(grown < 32, `${grown.toFixed(1)} MB for results and weights of 4,000 × 16 kB`);
  });
});

describe('what cannot be captured', () => {
  const failure = (body: (inputs: { x: Scalar }) => unknown) => {
    let message = '';
    const left = () => [tf.memory().numTensors, Object.keys(tf.engine().registeredVariables).length];
    const x = tf.scalar(2);
    const before = left();
    assert.throws(
      () => capture(body as () => Record<string, Tensor>)({ x }),
      (error: unknown) => {
        message = error instanceof CaptureError ? error.message : '';
        return true;
      },
    );
    assert.deepEqual(left(), before, 'nothing is left of it');
    return message;
  };

  it('is the value of a tensor, and says so', () => {
    const doubled = ({ x }: { x: Scalar }) => tf.mul(x, 2);
    assert.match(
      failure((inputs) => doubled(inputs).dataSync()),
      /read the values of a tensor, a result of Mul .* one of its results/s,
    );
    assert.match(
      failure(({ x }) => ({ y: tf.gather([1, 2, 3], tf.cast(x, 'int32')) })),
      /read the values of a tensor, a result of Cast/,
    );
    assert.match(
      failure(({ x }) => x.dataSync()),
      /read the values of a tensor, an input/,
    );
    const parameter = tf.variable(tf.scalar(1));
    assert.match(
      failure(() => parameter.dataSync()),
      /read the values of a tensor, a variable/,
    );
    // The next one is watched anew.
    assert.equal(capture(doubled2)({ x: tf.scalar(2) }).y.dataSync()[0], 4);
  });

  it('is a promise, a new variable, a result that is no tensor', () => {
    assert.match(
      failure(async ({ x }) => ({ x })),
      /no promise/,
    );
    assert.match(
      failure(({ x }) => ({ x, two: 2 })),
      /a record of tensors/,
    );
    assert.match(
      failure(({ x }) => ({ y: tf.variable(x) })),
      /made a variable/,
    );
  });

  it('is an operator whose result has a shape that depends on values', () => {
    assert.match(
      failure(({ x }) => ({ y: tf.unique(tf.stack([x, x])).values })),
      /called UniqueV2, whose result has a shape that depends on values, .* make its result an input/,
    );
  });

  it('is a tensor that is kept, but for a constant', () => {
    assert.match(
      failure(({ x }) => ({ y: tf.keep(tf.neg(x)) })),
      /kept a tensor \(tf.keep\)/,
    );
    const half: Tensor[] = [];
    const halve = capture(({ x }: { x: Tensor }) => {
      half.push(tf.keep(tf.scalar(0.5)));
      return { y: tf.mul(x, half[0] as Tensor) };
    });
    assert.equal(halve({ x: tf.scalar(3) }).y.dataSync()[0], 1.5);
    assert.equal(half[0]?.dataSync()[0], 0.5);
    // What a gradient around it keeps is not the function's doing.
    const squared = capture(({ x }: { x: Tensor }) => ({ y: tf.square(x) }));
    const gradient = tf.grad((x) => tf.mul(x, squared({ x: tf.scalar(3) }).y));
    assert.equal(gradient(tf.scalar(1)).dataSync()[0], 9);
  });

  it('is another one in another precision', () => {
    const inner = capture(({ x }: { x: Tensor }) => ({ y: tf.matMul(x as Tensor2D, x as Tensor2D) }), {
      precision: 'bfloat16',
    });
    assert.match(
      failure(({ x }) => inner({ x: tf.reshape(x, [1, 1]) })),
      /in float32 calls one in bfloat16/,
    );
    const outer = capture(({ x }: { x: Tensor }) => inner({ x }), { precision: 'bfloat16' });
    assert.equal(outer({ x: tf.tensor2d([[1.001]]) }).y.dataSync()[0], 1);
  });

  it('leaves variables as they were', () => {
    const state = tf.variable(tf.scalar(1));
    failure(({ x }) => {
      state.assign(x);
      return state.dataSync();
    });
    assert.equal(state.dataSync()[0], 1);
  });

  it('is a call after a variable that it reads is gone', () => {
    const state = tf.variable(tf.scalar(1));
    const read = capture(() => ({ state: tf.neg(state) }));
    read({});
    state.dispose();
    assert.throws(() => read({}), /was disposed/);
  });
});

describe('the memory of a captured function', () => {
  it('is counted from where a tensor is made to where it was last used', () => {
    // 100-byte tensors: a and b are alive together, then b and c; d takes their place, and is a result.
    const step = (op: string, inputs: string[], source: string, bytes = 100) => ({
      op,
      inputs,
      outputs: [{ source, bytes }],
    });
    const operations = [
      step('Exp', ['in0'], 'a'),
      step('Neg', ['a'], 'b'),
      step('Add', ['a', 'b'], 'c'),
      step('Reshape', ['c'], 'view'),
      step('Neg', ['in0'], 'unused', 30),
      step('Mul', ['view', 'view'], 'd'),
    ];
    assert.equal(peakBytes({ operations, results: ['d'] }), 300);
    assert.equal(peakBytes({ operations: operations.slice(2), results: ['d'] }), 200);
    assert.equal(peakBytes({ operations: operations.slice(2, 5), results: [] }), 100);
    assert.equal(peakBytes({ operations: operations.slice(2, 5), results: ['view'] }), 130);
    assert.equal(peakBytes({ operations, results: ['a', 'b', 'd'] }), 400);
    assert.equal(peakBytes({ operations: [step('Identity', ['in0'], 'same')], results: ['same'] }), 0);
    assert.equal(peakBytes({ operations: [...operations, step('Const', [], 'late', 7)], results: ['d'] }), 307);
    assert.equal(peakBytes({ operations: [], results: ['in0'] }), 0);
  });

  it('is not taken before its turn', () => {
    // Each product needs the variable alone: if all were made at once, they would take a gigabyte.
    const [length, terms] = [2 ** 20, 256];
    const weights = tf.variable(tf.ones([length]));
    const sum = capture(({ x }: { x: Tensor1D }) => {
      let total: Tensor = x;
      for (let term = 1; term <= terms; term++) total = tf.add(tf.sqrt(total), tf.mul(weights, term));
      return { last: tf.slice(total, 0, 1) };
    });
    const x = tf.ones<Rank.R1>([length]);
    const planned = sum.peakBytes({ x });
    assert.ok(planned < 3 * 4 * length + 4 * (terms + 3), `${planned}`);
    const before = process.resourceUsage().maxRSS;
    const { last } = sum({ x });
    assert.ok(Math.abs((last.dataSync()[0] as number) - 272.5) < 0.1);
    const grown = (process.resourceUsage().maxRSS - before) / 2 ** 10;
    assert.ok(grown < 256, `${grown.toFixed(0)} MB for tensors of 4 MB`);
  });

  it('is that of a small body, counted by hand', () => {
    const bias = tf.variable(tf.zeros([16]));
    const body = ({ x, w }: { x: Tensor2D; w: Tensor2D }) => {
      const hidden = tf.add(tf.matMul(x, w), bias); // 8 x 16: 512 bytes each, two of them for a moment
      bias.assign(tf.sum(hidden, 0)); // 64 bytes
      return { y: tf.exp(hidden) }; // 512
    };
    const inputs = { x: tf.ones<Rank.R2>([8, 4]), w: tf.ones<Rank.R2>([4, 16]) };
    const [exact, rounded] = [capture(body), capture(body, { precision: 'bfloat16' })];
    // The product, the sum with the bias; or the sums of columns, `hidden` and `y`; and the axis of the sum all along.
    assert.equal(exact.peakBytes(inputs), 512 + 64 + 512 + 4);
    // Both inputs and their product in bfloat16, 64 + 128 + 256, are less.
    assert.equal(rounded.peakBytes(inputs), exact.peakBytes(inputs));
    assert.equal(bias.dataSync()[0], 0);
  });
});

const doubled2 = ({ x }: { x: Scalar }) => ({ y: tf.mul(x, 2) });

describe('a captured step of training', () => {
  const trained = (steps: number, precision?: 'float32' | 'bfloat16') => {
    const model = adamw(initialise(tiny, 1), rates);
    const body = (tensors: UpdateTensors) => supervisedUpdate(tiny, model, tensors);
    const update = precision === undefined ? body : capture(body, { precision });
    const metrics = Array.from({ length: steps }, (_, step) =>
      tf.tidy(() => {
        const { loss, gradientNorm } = update({ ...batchTensors(batchOf(step)), rates: model.nextRates(1e-2) });
        return [loss.dataSync()[0] as number, gradientNorm.dataSync()[0] as number] as unknown as number;
      }),
    ) as unknown as [number, number][];
    return { metrics, weights: valuesOf(model.parameters), state: model.state() };
  };

  it('goes as an eager one, step for step', () => {
    const [eager, captured] = [trained(8), trained(8, 'float32')];
    close(captured.metrics.flat(), eager.metrics.flat(), 2e-5, 'loss and norm');
    for (const [index, weights] of eager.weights.entries()) {
      close(captured.weights[index] as Float32Array, weights, 5e-4, `parameter ${index}`);
    }
    assert.equal(captured.state.updates, 8);
  });

  it('has the same gradients', () => {
    const parameters = initialise(tiny, 1);
    const body = (batch: ReturnType<typeof batchTensors>) =>
      valueAndGradients(() => supervisedLoss(tiny, parameters, batch), parameters).gradients;
    const batch = batchTensors(batchOf(0));
    const [found, wanted] = [capture(body)(batch), body(batch)];
    assert.deepEqual(Object.keys(found), Object.keys(parameters));
    for (const [name, gradient] of Object.entries(wanted)) {
      close(found[name]?.dataSync() as Float32Array, gradient.dataSync(), 2e-6, name);
    }
  });

  it('in bfloat16 stays close, and is not the same', () => {
    const [exact, rounded] = [trained(8, 'float32'), trained(8, 'bfloat16')];
    close(
      rounded.metrics.map(([loss]) => loss),
      exact.metrics.map(([loss]) => loss),
      2e-2,
      'loss',
    );
    assert.notDeepEqual(rounded.metrics, exact.metrics);
  });

  it('gives the same bytes in each process, on however many threads', () => {
    const program = fileURLToPath(new URL('graph-digest.js', import.meta.url));
    const digest = (threads: string) =>
      execFileSync(process.execPath, [program], {
        encoding: 'utf8',
        env: { ...process.env, DESCENT_THREADS: threads },
      });
    const first = digest('1');
    assert.match(first, /^[0-9a-f]{64}$/);
    assert.deepEqual(['1', '2', '3'].map(digest), [first, first, first]);
  });

  it('repeats what an interrupted run would have done', () => {
    const whole = adamw(initialise(tiny, 1), rates);
    const resumed = adamw(initialise(tiny, 2), rates);
    const run = (model: typeof whole, from: number, to: number) => {
      const update = capture((tensors: UpdateTensors) => supervisedUpdate(tiny, model, tensors));
      for (let step = from; step < to; step++) {
        tf.tidy(() => void update({ ...batchTensors(batchOf(step)), rates: model.nextRates(1e-2) }));
      }
      update.dispose();
    };
    run(whole, 0, 3);
    const weights = Object.fromEntries(
      Object.entries(whole.parameters).map(([name, parameter]) => [
        name,
        (parameter.dataSync() as Float32Array).slice(),
      ]),
    );
    resumed.restore(weights, whole.state());
    run(whole, 3, 6);
    run(resumed, 3, 6);
    assert.deepEqual(valuesOf(resumed.parameters), valuesOf(whole.parameters));
    assert.deepEqual(resumed.state(), whole.state());
    for (const { parameters } of [whole, resumed]) disposeParameters(parameters);
  });
});
