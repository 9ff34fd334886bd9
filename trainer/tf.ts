/**
 * TensorFlow.js on its native runtime, for everything in this room.
 *
 * Loaded once a process, before anything else runs, so what it depends on comes from the environment that `main.ts`
 * sets from the job: `DESCENT_DEVICE` (a device class: `gpu` and `gpu-...` are GPUs, all others the CPU) and
 * `DESCENT_THREADS` (default: all cores).
 */
import type { Tensor } from '@tensorflow/tfjs-node';
import { findGpu, visibleGpus } from '#setup/gpu.mjs';
import { isGpuClass } from '../schemas/device-class.ts';
import { TrainerFailure } from './failure.ts';
import { describeGpu } from './hardware.ts';
import { type Device, loadTensorFlow } from './tensorflow.ts';

// TensorFlow switches oneDNN on by itself on some CPUs only. Batched products are two to three times faster with it on
// the others as well (measured on a Zen 3 without AVX-512), and results then depend less on the machine.
process.env.TF_ENABLE_ONEDNN_OPTS ??= '1';
const { DESCENT_DEVICE, DESCENT_THREADS } = process.env;
const threads = Number(DESCENT_THREADS);
const asked: Device = isGpuClass(DESCENT_DEVICE ?? '') ? 'gpu' : 'cpu';
const loaded = await loadTensorFlow(asked, threads > 0 ? threads : undefined);
if (loaded.fallback !== null) {
  // A GPU that this process was given and does not get has failed: on the CPU the training would take a hundred times as long.
  if (findGpu() !== undefined && visibleGpus().length > 0) throw new TrainerFailure('device-lost', lostGpu());
  process.stderr.write(`${loaded.fallback}\n`);
}

/** The API of @tensorflow/tfjs-node. */
export const tf = loaded.tf;
/** Where tensors live. */
export const device: Device = loaded.device;
/** The device that this TensorFlow was built for: that for GPUs also runs on a processor, where there is no GPU. */
export const runtime: Device = loaded.runtime;
/** The GPU that it is, with driver and CUDA; undefined of the CPU. */
export const hardware: string | undefined = device === 'gpu' ? await describeGpu() : undefined;
/** The version of the native TensorFlow. */
export const tensorFlowVersion: string = loaded.version;

/**
 * The values of the tensor that `make` gives, and nothing is left of it. Where there are many values this is far faster
 * than reading them inside `tidy`, which looks at every element of an array it is to return.
 */
export function readTensor(make: () => Tensor): Float32Array {
  const tensor = tf.tidy(make);
  const values = tensor.dataSync() as Float32Array;
  tensor.dispose();
  return values;
}

function lostGpu(): string {
  const { CUDA_VISIBLE_DEVICES } = process.env;
  const which = CUDA_VISIBLE_DEVICES === undefined ? '' : ` (CUDA_VISIBLE_DEVICES is ${CUDA_VISIBLE_DEVICES})`;
  return `TensorFlow cannot use the GPU of this machine, ${findGpu()}${which}. See that it answers (\`nvidia-smi\`), have TensorFlow say why (TF_CPP_MIN_LOG_LEVEL=0), or run on the CPU (--device cpu).`;
}
