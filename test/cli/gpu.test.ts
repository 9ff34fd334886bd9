// The self-test of a GPU, as far as it goes without one: with the CPU in the GPU's place, and tools that say what they are told.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { findGpu } from '#setup/gpu.mjs';
import { checkDriver, gpuDoctor } from '../../cli/gpu-doctor.ts';
import { compare, type GpuTest, testGpu } from '../../cli/gpu-test.ts';
import { watchUtilisation } from '../../cli/gpu-watch.ts';
import { gpuEnvironment } from '../../trainer/tensorflow.ts';
import { tiny } from '../trainer/support.ts';
import { packageRoot } from './support.ts';

const size = { architecture: tiny, sequences: 2, warmup: 1, updates: 2 };

async function tool(t: TestContext, script: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'descent-gpu-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'nvidia-smi');
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

function onCpu(watch: GpuTest['watch'], told: string[]): GpuTest {
  return {
    subject: { device: 'cpu' },
    reference: { device: 'cpu' },
    precisions: ['bfloat16'],
    small: size,
    large: { ...size, product: 64 },
    watch,
    tell: (text) => told.push(text),
  };
}

// Four processes, because what is tested is that another process gives the same.
test('trains on both sides, again, and against the clock', async (t) => {
  const told: string[] = [];
  const busy = await tool(t, 'while :; do echo 40; echo 60; sleep 0.05; done');
  const { checks, speeds } = await testGpu(onCpu(() => watchUtilisation('GPU-1', busy), told));
  assert.deepEqual(
    checks.map(({ name, status }) => `${status} ${name}`),
    ['ok Agrees with the cpu (bfloat16)', 'ok Gives the same bytes again (bfloat16)', 'ok Speed (bfloat16)'],
  );
  assert.equal(
    checks[0]?.found,
    'losses of 3 updates within 0.0e+0, weights within 0.0e+0 of the way trained',
    'one processor and one thread count',
  );
  assert.match(checks[1]?.found ?? '', /^SHA-256 [0-9a-f]{12} twice$/);
  assert.match(
    checks[2]?.found ?? '',
    /^\d+ tokens\/s; .* of matrix products alone; the GPU at work \d+ % of the time/,
  );
  assert.deepEqual(
    speeds.map(({ precision }) => precision),
    ['bfloat16'],
  );
  for (const { tokensPerSecond, modelFlops, productFlops, utilisation } of speeds) {
    assert.ok(tokensPerSecond > 0 && productFlops > 0);
    assert.equal(utilisation, modelFlops / productFlops);
  }
  assert.equal(told.length, 4);
});

test('a device that is not used fails, and nothing more is tried', { skip: findGpu() !== undefined }, async () => {
  const told: string[] = [];
  const report = await testGpu({ ...onCpu(() => assert.fail(), told), subject: { device: 'gpu' } });
  assert.deepEqual(
    report.checks.map(({ name, status, found }) => [name, status, found]),
    [['TensorFlow uses the gpu', 'missing', 'it computed on the cpu']],
  );
  assert.equal(told.length, 2);
});

test('a trainer that fails is a check that says why', async () => {
  const broken = { ...tiny, heads: 3 };
  const { checks } = await testGpu({ ...onCpu(() => assert.fail(), []), small: { ...size, architecture: broken } });
  assert.equal(checks.length, 1);
  assert.match(checks[0]?.found ?? '', /^the process failed: .{10}/);
});

test('sums in another order agree, products rounded to TF32 do not, nor do losses that are no numbers', () => {
  const count = 10_000;
  const trained = (noise: number) => {
    const weights = new Float32Array(2 * count);
    for (let i = 0; i < count; i++) weights[count + i] = 1e-2 * (1 + noise * (i % 2 === 0 ? 1 : -1));
    return { losses: [6, 5 * (1 + noise / 1000)], weights };
  };
  const status = (noise: number) => compare('', 'float32', trained(noise), trained(0)).status;
  assert.equal(status(1e-5), 'ok');
  assert.equal(status(2.5e-3), 'missing');
  const broken = { ...trained(0), losses: [6, Number.NaN] };
  assert.equal(compare('', 'float32', broken, trained(0)).status, 'missing');
});

test('how busy a GPU is is the mean of what its driver says, where it says something', async (t) => {
  /** What ending a watch gives whose tool says `before` at once and `after` when it is ended. */
  const mean = async (before: string, after: string) => {
    const path = await tool(
      t,
      `trap 'echo "${after}"; exit' TERM\necho "${before}"\n: >"$0.ready"\nwhile :; do sleep 0.01; done`,
    );
    const watch = watchUtilisation('GPU-1', path);
    while (!existsSync(`${path}.ready`)) await setTimeout(5);
    return [await watch.end(), await watch.end()];
  };
  assert.deepEqual(await mean('87', '93'), [0.9, 0.9]);
  assert.deepEqual(await mean('[N/A]', '93'), [0.93, 0.93]);
  assert.deepEqual(await mean('[N/A]', '[N/A]'), [null, null]);
  assert.equal(await watchUtilisation('GPU-1', '/nowhere/nvidia-smi').end(), null);
});

test('a driver is new enough from the first of its major version of CUDA on', () => {
  const gpu = { uuid: '', name: '', driver: '525.60.13', memory: null, computeCapability: '8.0' };
  assert.equal(checkDriver(gpu, '12.0').status, 'ok');
  assert.equal(checkDriver(gpu, '13.0').status, 'ok');
  assert.deepEqual(checkDriver({ ...gpu, driver: '470.57.02' }, '11.4'), {
    name: 'NVIDIA driver',
    status: 'missing',
    found: "470.57.02 for CUDA 11.4; TensorFlow's is 12.9",
    remedy: 'install driver 525.60.13 or later',
  });
});

test('without a GPU the self-test says so, and what it takes', { skip: findGpu() !== undefined }, async () => {
  const { healthy, checks } = await gpuDoctor({}, () => assert.fail('nothing is trained'));
  assert.equal(healthy, false);
  assert.deepEqual(
    checks.map(({ found }) => found),
    ['no NVIDIA GPU was found on this machine: there is nothing to test'],
  );
  assert.match(checks[0]?.remedy ?? '', /its driver \(525.*npm run setup -- --device gpu/);
});

test('docs/gpu.md has every variable that the trainer sets for a GPU, with its value', async () => {
  const page = await readFile(join(packageRoot, 'docs', 'gpu.md'), 'utf8');
  const absent = Object.entries(gpuEnvironment).filter(([name, value]) => !page.includes(`\`${name}=${value}\``));
  assert.deepEqual(absent, []);
});
