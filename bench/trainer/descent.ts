import { createInterface } from 'node:readline';
import { adamw } from '../../trainer/adamw.ts';
import { type Batch, batchTensors } from '../../trainer/batch.ts';
import { createGenerator, generate } from '../../trainer/generate.ts';
import { capture } from '../../trainer/graph/capture.ts';
import { loadModel } from '../../trainer/parameters.ts';
import { supervisedSteps, supervisedUpdate } from '../../trainer/supervised.ts';
import { tf } from '../../trainer/tf.ts';
import { writeModel } from './model.ts';
import type { Decoding, Product, Request, Task, Training, Turn } from './tasks.ts';

// Descent as an engine (tasks.ts): its trainer's own functions, called as its stages call them.

/** Does a task once; gives what is to be compared. */
type Work = () => number[] | Promise<number[]>;

const lr = 1e-4;

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const work = await prepare(JSON.parse((await lines.next()).value) as Task);
for await (const line of lines) {
  const turn = await take(work, JSON.parse(line) as Request);
  process.stdout.write(`${JSON.stringify(turn)}\n`);
}

async function take(work: Work, { repeats }: Request): Promise<Turn> {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  let result: number[] = [];
  for (let repeat = 0; repeat < repeats; repeat++) result = await work();
  const seconds = (performance.now() - start) / 1000 / repeats;
  const { user, system } = process.cpuUsage(cpu);
  return { seconds, cpuSeconds: (user + system) / 1e6 / repeats, result };
}

function prepare(task: Task): Promise<Work> | Work {
  switch (task.task) {
    case 'writing':
      return async () => {
        await writeModel(task);
        return [];
      };
    case 'training':
      return training(task);
    case 'decoding':
      return decoding(task);
    case 'product':
      return product(task);
  }
}

async function training({ model: folder, precision, mode, tokens, targets }: Training): Promise<Work> {
  const { architecture, parameters } = await loadModel(folder);
  const model = adamw(parameters, { betas: [0.9, 0.95], weightDecay: 0.1, clip: 1 });
  const batch = batchOf(tokens, targets);
  if (mode === 'compiled') {
    const update = supervisedSteps(architecture, model, { precision });
    return () => [update(batch, lr).loss as number];
  }
  return () =>
    tf.tidy(() => {
      const tensors = { ...batchTensors(batch), rates: model.nextRates(lr) };
      const { loss, gradientNorm } = supervisedUpdate(architecture, model, tensors);
      gradientNorm.dataSync();
      return [...loss.dataSync()];
    });
}

function batchOf(tokens: number[][], targets: number[][]): Batch {
  const count = tokens.flat().length;
  return {
    sequences: tokens.length,
    time: count / tokens.length,
    tokens: Int32Array.from(tokens.flat()),
    targets: Int32Array.from(targets.flat()),
    weights: new Float32Array(count).fill(1 / count),
  };
}

async function decoding({ model, prompts, length, eos }: Decoding): Promise<Work> {
  const { architecture, parameters } = await loadModel(model);
  const generator = createGenerator(architecture, parameters, [eos]);
  const options = { maxTokens: length, temperature: 0, seed: 1, purpose: ['bench'], batch: prompts.length };
  return async () => (await generate(generator, prompts, options)).flatMap(({ tokens }) => tokens);
}

function product({ size, precision }: Product): Work {
  const draw = (seed: number) => tf.randomUniform([size, size], -1, 1, 'float32', seed);
  const factors = { a: draw(1), b: draw(2) };
  const multiply = capture(({ a, b }: typeof factors) => ({ c: tf.matMul(a, b) }), { precision });
  return () =>
    tf.tidy(() => {
      const { c } = multiply(factors);
      return [...c.slice([0, 0], [1, 1]).dataSync()];
    });
}
