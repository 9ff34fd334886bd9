/**
 * TensorFlow.js on its native runtime, for everything in this room.
 *
 * Loaded once a process, before anything else runs, so what it depends on comes from the environment that `main.ts`
 * sets from the job: `DESCENT_DEVICE` (cpu, gpu; default cpu) and `DESCENT_THREADS` (default: all cores).
 */
import { type Device, loadTensorFlow } from './tensorflow.ts';

const { DESCENT_DEVICE, DESCENT_THREADS } = process.env;
const threads = Number(DESCENT_THREADS);
const loaded = await loadTensorFlow((DESCENT_DEVICE ?? 'cpu') as Device, threads > 0 ? threads : undefined);

/** The API of @tensorflow/tfjs-node. */
export const tf = loaded.tf;
/** Where tensors live. */
export const device: Device = loaded.device;
/** The version of the native TensorFlow. */
export const tensorFlowVersion: string = loaded.version;
/** Why `device` is not the one that was asked for; null where it is. */
export const deviceFallback: string | null = loaded.fallback;
