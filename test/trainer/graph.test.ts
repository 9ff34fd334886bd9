import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import { adamw, valueAndGradients } from '../../trainer/adamw.ts';
import { CaptureError, capture } from '../../trainer/graph/capture.ts';
import { initialise } from '../../trainer/init.ts';
import { disposeParameters, type Parameters } from '../../trainer/model.ts';
import {
  type Batch,
  batchTensors,
  supervisedLoss,
  supervisedUpdate,
  type UpdateTensors,
} from '../../trainer/supervised.ts';
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
    assert.throws(
      () => capture(body as () => Record<string, Tensor>)({ x: tf.scalar(2) }),
      (error: unknown) => {
        message = error instanceof CaptureError ? error.message : '';
        return true;
      },
    );
    return message;
  };

  it('is the value of a tensor, and says so', () => {
    const doubled = ({ x }: { x: Scalar }) => tf.mul(x, 2);
    assert.match(
      failure((inputs) => doubled(inputs).dataSync()),
      /read the values of a tensor .* one of its results/,
    );
    const parameter = tf.variable(tf.scalar(1));
    assert.match(
      failure(() => parameter.dataSync()),
      /read the values of a tensor/,
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

  it('gives the same bytes in each process, on one thread or two', () => {
    const program = fileURLToPath(new URL('graph-digest.js', import.meta.url));
    const digest = (threads: string) =>
      execFileSync(process.execPath, [program], {
        encoding: 'utf8',
        env: { ...process.env, DESCENT_THREADS: threads },
      });
    const first = digest('1');
    assert.match(first, /^[0-9a-f]{64}$/);
    assert.deepEqual([digest('1'), digest('2')], [first, first]);
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
