/**
 * Failures of devices, by what libraries say of them. Trainers tell them from their own errors, and whoever runs a trainer
 * tells them from its last words: CUDA's libraries may end the process themselves.
 */

/** What libraries say where a device has no memory left: TensorFlow's allocator, XLA, CUDA, cuBLAS, C++, JavaScript. */
const outOfMemory =
  /OOM when allocating|out of memory|OUT_OF_MEMORY|STATUS_ALLOC_FAILED|the resource allocation failed|bad_alloc|Array buffer allocation failed/i;

/** What they say where it does not answer, or not rightly: errors of CUDA's driver, runtime and libraries, of the GPU's memory. */
const deviceLost =
  /CUDA_ERROR_|CUDA error|cudaError|STATUS_(EXECUTION_FAILED|INTERNAL_ERROR|NOT_INITIALIZED)|synchronize on CUDA context|uncorrectable ECC|(device|GPU) (is )?lost|fallen off the bus|failed to enqueue/i;

/** The kind of failure that an error's message, or a line on standard error, is of a device; undefined where of none. */
export function deviceFailure(text: string): 'out-of-memory' | 'device-lost' | undefined {
  if (outOfMemory.test(text)) return 'out-of-memory';
  return deviceLost.test(text) ? 'device-lost' : undefined;
}
