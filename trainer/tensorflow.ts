import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type * as TensorFlow from '@tensorflow/tfjs-node';
import { findGpu, visibleGpus } from '#setup/gpu.mjs';

export type Device = 'cpu' | 'gpu';

export interface LoadedTensorFlow {
  /** The API of @tensorflow/tfjs-node, its native backend selected. */
  tf: typeof TensorFlow;
  /** Where tensors live: `cpu` also where a GPU was asked for and there is none. */
  device: Device;
  /** What this TensorFlow was built for: that for GPUs also runs on a processor. */
  runtime: Device;
  /** The version of the native TensorFlow, e.g. `2.21.0`. */
  version: string;
  /** Why `device` is not the one that was asked for; null where it is. */
  fallback: string | null;
}

/** TensorFlow cannot be used on this machine as it stands; the message says what to do. */
export class TensorFlowUnavailable extends Error {
  override readonly name = 'TensorFlowUnavailable';
}

/**
 * Loads TensorFlow into this process. What is read from the environment is read once, at the first load: a process
 * trains on one device.
 *
 * @param asked the device of the job's placement
 * @param threads of TensorFlow's and oneDNN's pools; all cores where undefined. In float32 the bytes of a result do not
 *   depend on it
 * @throws TensorFlowUnavailable where set-up has not been run (for this device)
 */
export async function loadTensorFlow(asked: Device, threads?: number): Promise<LoadedTensorFlow> {
  const device = asked === 'gpu' && findGpu() === undefined && !isSetUp('gpu') ? 'cpu' : asked;
  prepareEnvironment(device, threads);
  prepareNodeUtil();
  const tf = requireBackend(device);
  const { isUsingGpuDevice, binding } = tf.backend() as unknown as NativeBackend;
  binding.allowTensorFloat32?.(false);
  const used = isUsingGpuDevice ? 'gpu' : 'cpu';
  const fallback = asked === 'gpu' && used === 'cpu' ? explainFallback() : null;
  return { tf, device: used, runtime: device, version: binding.TF_Version, fallback };
}

/** What tfjs-node's backend carries besides its public type. */
interface NativeBackend {
  isUsingGpuDevice: boolean;
  binding: { TF_Version: string; allowTensorFloat32?: (allowed: boolean) => void };
}

/**
 * What the runtime for GPUs reads from its environment. float32 is to mean float32, and bfloat16 what a recipe's
 * `precision` says; the same graph on the same GPU is to give the same bytes.
 */
export const gpuEnvironment: Readonly<Record<string, string>> = {
  // As nvidia-smi counts; CUDA would count from the fastest on.
  CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
  // Else the first trainer takes the whole memory of a GPU.
  TF_FORCE_GPU_ALLOW_GROWTH: 'true',
  // XLA compiles every operator that it has: a captured function becomes one program of fused kernels.
  TF_XLA_FLAGS: '--tf_xla_auto_jit=2',
  // Kernels without atomic additions, and no choice among algorithms by how fast they were just now, in XLA and in
  // TensorFlow's own kernels; roundings to bfloat16 stay where the graph has them.
  XLA_FLAGS: '--xla_gpu_deterministic_ops=true --xla_allow_excess_precision=false',
  TF_DETERMINISTIC_OPS: '1',
  // cuBLAS gives equal bits on several streams only with a workspace of a fixed size (its manual, section 2.1.4).
  CUBLAS_WORKSPACE_CONFIG: ':4096:8',
  // What of NVIDIA's libraries is called without asking TensorFlow, which is told by `allowTensorFloat32`.
  NVIDIA_TF32_OVERRIDE: '0',
};

/** What the person has set is left alone, but for threads, which are the job's to say. */
function prepareEnvironment(device: Device, threads: number | undefined): void {
  const { env } = process;
  env.TF_CPP_MIN_LOG_LEVEL ??= '3'; // TensorFlow greets on standard error; what goes wrong it also throws
  if (device === 'gpu') {
    for (const [name, value] of Object.entries(gpuEnvironment)) env[name] ??= value;
    // Of several GPUs tfjs-node would keep tensors on the last, and TensorFlow compute on the first.
    const [first] = visibleGpus();
    if (first !== undefined) env.CUDA_VISIBLE_DEVICES = first;
  }
  if (threads !== undefined) {
    env.TF_NUM_INTRAOP_THREADS = String(threads);
    env.TF_NUM_INTEROP_THREADS = String(threads);
    env.OMP_NUM_THREADS = String(threads);
  }
}

const require = createRequire(import.meta.url);

/**
 * tfjs-node 4.22 calls two functions of `util` that Node 22 deprecates (a warning at each start) and Node 23 removed.
 * Their documented replacements take their place.
 */
function prepareNodeUtil(): void {
  const util: Record<string, unknown> = require('node:util');
  util.isArray = Array.isArray;
  util.isNullOrUndefined = (value: unknown) => value === null || value === undefined;
}

function requireBackend(device: Device): typeof TensorFlow {
  const name = packageName(device);
  if (!isSetUp(device)) {
    throw new TensorFlowUnavailable(
      `the TensorFlow runtime for the ${device.toUpperCase()} is not set up: run \`npm run setup${device === 'gpu' ? ' -- --device gpu' : ''}\`; \`descent doctor\` says what is missing`,
    );
  }
  try {
    return require(name);
  } catch (error) {
    throw new TensorFlowUnavailable(
      `${name} does not load (${error instanceof Error ? error.message : error}): run \`npm run setup\`; \`descent doctor\` says what is wrong`,
      { cause: error },
    );
  }
}

/** Whether the native binding lies where the package requires it. */
function isSetUp(device: Device): boolean {
  const folder = dirname(require.resolve(`${packageName(device)}/package.json`));
  return existsSync(join(folder, 'lib', 'napi-v8', 'tfjs_binding.node'));
}

function packageName(device: Device): string {
  return device === 'gpu' ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node';
}

function explainFallback(): string {
  const gpu = findGpu();
  return gpu === undefined
    ? 'a GPU was asked for and this machine has none: the CPU is used'
    : `a GPU was asked for and TensorFlow cannot use this one (${gpu}): the CPU is used; TF_CPP_MIN_LOG_LEVEL=0 shows why`;
}
