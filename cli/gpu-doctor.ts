import { cudaOfDriver, cudaOfWheels, findGpus, type Gpu, queryGpus, visibleGpus } from '#setup/gpu.mjs';
import { type Check, inspectSetup } from '#setup/inspect.mjs';
import type { DoctorReport } from './doctor.ts';
import { type GpuTest, type Speed, testGpu } from './gpu-test.ts';
import { watchUtilisation } from './gpu-watch.ts';

/** What `descent doctor --gpu` finds. */
export interface GpuDoctorReport extends DoctorReport {
  speeds: Speed[];
}

/** The oldest driver that runs programs of CUDA 12 (CUDA Compatibility, NVIDIA, table 1: minor version compatibility). */
const oldestDriver = '525.60.13';

/** Of a GPU with less, in MiB, the larger test takes fewer sequences. */
const comfortableMemory = 20_000;

const small: GpuTest['small'] = {
  architecture: {
    layers: 2,
    hidden: 128,
    heads: 4,
    kvHeads: 2,
    ffn: 352,
    vocab: 512,
    context: 128,
    ropeTheta: 10_000,
    normEpsilon: 1e-5,
  },
  sequences: 8,
  warmup: 2,
  updates: 8,
};

/** The shape of GPT-2's smallest, 134M parameters with two tables of 32,000 tokens. */
const large: GpuTest['large'] = {
  architecture: {
    layers: 12,
    hidden: 768,
    heads: 12,
    kvHeads: 12,
    ffn: 2048,
    vocab: 32_000,
    context: 1024,
    ropeTheta: 10_000,
    normEpsilon: 1e-5,
  },
  sequences: 8,
  warmup: 3,
  updates: 20,
  product: 8192,
};

/**
 * Tests the first GPU that this process may use: that the driver answers and knows the CUDA of the runtime, that training
 * on it agrees with the CPU and repeats itself to the byte, and how fast it is. Takes minutes, changes nothing.
 */
export async function gpuDoctor(env: NodeJS.ProcessEnv, tell: (text: string) => void): Promise<GpuDoctorReport> {
  const { checks, gpu } = await inspectGpu(env);
  if (gpu === undefined) return { checks, healthy: false, speeds: [] };
  const sequences = (gpu.memory ?? 0) < comfortableMemory ? 2 : large.sequences;
  const tested = await testGpu({
    subject: { device: 'gpu' },
    reference: { device: 'cpu' },
    precisions: ['float32', 'bfloat16'],
    small,
    large: { ...large, sequences },
    watch: () => watchUtilisation(gpu.uuid),
    tell,
  });
  const all = [...checks, ...tested.checks];
  return { checks: all, healthy: all.every(({ status }) => status !== 'missing'), speeds: tested.speeds };
}

/** What has to be there before anything can be tested; no GPU where something is not. */
async function inspectGpu(env: NodeJS.ProcessEnv): Promise<{ checks: Check[]; gpu?: Gpu }> {
  const [first] = findGpus();
  const needs = `a GPU of NVIDIA's in x86-64 Linux, its driver (${oldestDriver} or later: \`nvidia-smi\` lists the GPU), and \`npm run setup -- --device gpu\``;
  if (first === undefined) {
    const found = 'no NVIDIA GPU was found on this machine: there is nothing to test';
    return { checks: [{ name: 'GPU', status: 'missing', found, remedy: `it takes ${needs}` }] };
  }
  const runtime = (await inspectSetup()).find(({ name }) => name === 'TensorFlow runtime (gpu)') as Check;
  const [id] = visibleGpus(env);
  if (id === undefined) {
    const found = `${first}, but CUDA_VISIBLE_DEVICES (${env.CUDA_VISIBLE_DEVICES}) hides it`;
    return { checks: [runtime, { name: 'GPU', status: 'missing', found, remedy: 'unset CUDA_VISIBLE_DEVICES' }] };
  }
  try {
    const [gpu] = (await queryGpus(id)) as [Gpu];
    const memory = gpu.memory === null ? '' : `, ${(gpu.memory / 1024).toFixed(0)} GiB`;
    const found = `${gpu.name}${memory}, compute capability ${gpu.computeCapability}`;
    const checks = [runtime, { name: 'GPU', status: 'ok' as const, found }, checkDriver(gpu, await cudaOfDriver())];
    return checks.some(({ status }) => status === 'missing') ? { checks } : { checks, gpu };
  } catch (error) {
    const found = `the driver of ${first} does not answer: ${(error as Error).message}`;
    return { checks: [runtime, { name: 'GPU', status: 'missing', found, remedy: `it takes ${needs}` }] };
  }
}

/** Whether a driver runs programs of the wheels' CUDA: it does from the first of its major version on. */
export function checkDriver({ driver }: Gpu, cuda: string | undefined): Check {
  const name = 'NVIDIA driver';
  const wheels = cudaOfWheels();
  const found = `${driver} for CUDA ${cuda ?? 'of a version that it does not say'}; TensorFlow's is ${wheels}`;
  const major = (version: string) => Number(version.split('.')[0]);
  if (cuda === undefined || major(cuda) >= major(wheels)) return { name, status: 'ok', found };
  return { name, status: 'missing', found, remedy: `install driver ${oldestDriver} or later` };
}
