/** Which GPU this is, for the record: results are equal to the last bit on the same kind of GPU alone. */
import { cudaOfWheels, queryGpus, visibleGpus } from '#setup/gpu.mjs';

/** The first GPU that this process may use: `NVIDIA H200, driver 570.86.15, CUDA 12.9`. Starts nvidia-smi. */
export async function describeGpu(): Promise<string> {
  const [id] = visibleGpus();
  const cuda = `CUDA ${cudaOfWheels()}`;
  try {
    const [gpu] = await queryGpus(id);
    return `${gpu?.name}, driver ${gpu?.driver}, ${cuda}`;
  } catch (error) {
    // A slice of a GPU (MIG) is none that it can be asked about.
    return `GPU ${id}, ${cuda}; ${(error as Error).message}`;
  }
}
