/**
 * A program that trains a small model on one batch and says how that went: `node selftest.js '<SelfTest as JSON>'`, the
 * device in DESCENT_DEVICE as for a stage. What it computes is the trainer's own; `descent doctor --gpu` compares devices
 * by it.
 */
import { writeFileSync } from 'node:fs';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-node';
import type { SelfTest, SelfTestEvent } from '../schemas/self-test.ts';
import type { Architecture } from '../schemas/types/job.ts';
import { adamw } from './adamw.ts';
import type { Batch } from './batch.ts';
import { describeFailure } from './failure.ts';
import { capture } from './graph/capture.ts';
import { initialise } from './init.ts';
import type { Parameters } from './parameters.ts';
import { random } from './random.ts';
import { supervisedSteps } from './supervised.ts';
import { device, hardware, readTensor, tf } from './tf.ts';

const lr = 1e-3;

/** Products in a row, and how often: the fastest counts. */
const [inARow, tries] = [8, 5];

try {
  say(run(JSON.parse(process.argv[2] ?? '{}') as SelfTest));
} catch (error) {
  say({ event: 'failed', message: describeFailure(error).message });
  process.exitCode = 1;
}

function say(event: SelfTestEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

function run({ architecture, precision, sequences, warmup, updates, product, weights }: SelfTest): SelfTestEvent {
  const productFlops = product === null ? null : fastestProducts(product, precision);
  const parameters = initialise(architecture, 1);
  const before = weights === null ? [] : valuesOf(parameters);
  const model = adamw(parameters, { betas: [0.9, 0.95], weightDecay: 0.1, clip: 1 });
  const step = supervisedSteps(architecture, model, { precision });
  const batch = makeBatch(architecture, sequences);
  const losses: number[] = [];
  const update = () => losses.push(step(batch, lr).loss as number);

  const firstSeconds = secondsOf(update);
  for (let i = 1; i < warmup; i++) update();
  say({ event: 'timing' });
  const seconds =
    secondsOf(() => {
      for (let i = 0; i < updates; i++) update();
    }) / updates;
  if (weights !== null) writeFileSync(weights, Buffer.concat([...before, ...valuesOf(parameters)]));
  return { event: 'done', device, hardware: hardware ?? null, losses, firstSeconds, seconds, productFlops };
}

/** Each token follows from the one before it, but for one in eight that is drawn: there is something to learn. */
function makeBatch({ vocab, context: time }: Architecture, sequences: number): Batch {
  const { integer } = random(1, 'selftest');
  const count = sequences * time;
  const row = () => {
    const text = [integer(vocab)];
    while (text.length <= time)
      text.push(integer(8) === 0 ? integer(vocab) : ((text.at(-1) as number) * 5 + 1) % vocab);
    return text;
  };
  const rows = Array.from({ length: sequences }, row);
  return {
    sequences,
    time,
    tokens: Int32Array.from(rows.flatMap((text) => text.slice(0, -1))),
    targets: Int32Array.from(rows.flatMap((text) => text.slice(1))),
    weights: new Float32Array(count).fill(1 / count),
  };
}

function valuesOf(parameters: Parameters): Uint8Array[] {
  return Object.values(parameters).map((parameter) => new Uint8Array((parameter.dataSync() as Float32Array).buffer));
}

/** Operations a second in products of square matrices, which is what training spends its time on. */
function fastestProducts(size: number, precision: SelfTest['precision']): number {
  // Entries such that those of a product are no larger.
  const spread = Math.sqrt(3 / size);
  const draw = (seed: number) => tf.randomUniform([size, size], -spread, spread, 'float32', seed);
  const factors = { a: draw(1), b: draw(2) };
  const multiply = capture(
    ({ a, b }: typeof factors) => {
      let c: Tensor = a;
      for (let i = 0; i < inARow; i++) c = tf.matMul(c as Tensor2D, b as Tensor2D);
      return { sum: tf.sum(c) };
    },
    { precision },
  );
  const once = () => readTensor(() => multiply(factors).sum);
  once();
  const seconds = Math.min(...Array.from({ length: tries }, () => secondsOf(once)));
  multiply.dispose();
  tf.dispose(factors);
  return (inARow * 2 * size ** 3) / seconds;
}

function secondsOf(action: () => unknown): number {
  const start = performance.now();
  action();
  return (performance.now() - start) / 1000;
}
