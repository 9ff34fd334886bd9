import { visibleGpus } from '#setup/gpu.mjs';
import { NodeError } from './failures.ts';

/** The GPUs that a training has, until they are released. */
export interface GpuUse {
  /** What its trainer finds in its environment: those GPUs and no other. Empty where there is none to hand out. */
  env: Record<string, string>;
  release(): void;
}

/**
 * Hands this machine's GPUs to the trainings of one worker: to each the one (or as many) that the fewest have, the first of
 * those. So no two share a GPU unless there are more slots than GPUs.
 *
 * @param env what the worker was started with: CUDA_VISIBLE_DEVICES in it says which GPUs there are to hand out
 */
export function shareGpus(env: NodeJS.ProcessEnv) {
  const users = new Map<string, number>();
  /**
   * @param ids those of a device class, as CUDA_VISIBLE_DEVICES takes them. Default: all that are visible
   * @param wanted how many of them. Throws a NodeError where there are some, and not as many
   */
  return function take(ids: readonly string[] = visibleGpus(env), wanted = 1): GpuUse {
    if (ids.length === 0) return { env: {}, release: () => undefined };
    if (ids.length < wanted) {
      throw new NodeError(
        'no-launcher',
        `a training is to have ${wanted} GPUs, and there are ${ids.length} for it here`,
      );
    }
    const count = (id: string) => users.get(id) ?? 0;
    const taken = [...ids].sort((a, b) => count(a) - count(b)).slice(0, wanted);
    for (const id of taken) users.set(id, count(id) + 1);
    let released = false;
    return {
      // CUDA would count GPUs from the fastest on; nvidia-smi, and so a person, counts by their places on the bus.
      env: { CUDA_VISIBLE_DEVICES: taken.join(','), CUDA_DEVICE_ORDER: env.CUDA_DEVICE_ORDER ?? 'PCI_BUS_ID' },
      release() {
        if (!released) for (const id of taken) users.set(id, count(id) - 1);
        released = true;
      },
    };
  };
}
