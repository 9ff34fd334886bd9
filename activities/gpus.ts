import { visibleGpus } from '#setup/gpu.mjs';

/** A GPU that a training has, until it is released. */
export interface GpuUse {
  /** What its trainer finds in its environment: that GPU and no other. Empty where there is none to hand out. */
  env: Record<string, string>;
  release(): void;
}

/**
 * Hands this machine's GPUs to the trainings of one worker: to each the one that the fewest have, the first of those. So
 * no two share a GPU unless there are more slots than GPUs.
 *
 * @param env what the worker was started with: CUDA_VISIBLE_DEVICES in it says which GPUs there are to hand out
 */
export function shareGpus(env: NodeJS.ProcessEnv) {
  const users = new Map<string, number>();
  /** @param ids those of a device class, as CUDA_VISIBLE_DEVICES takes them. Default: all that are visible */
  return function take(ids: readonly string[] = visibleGpus(env)): GpuUse {
    const [first, ...others] = ids;
    if (first === undefined) return { env: {}, release: () => undefined };
    const count = (id: string) => users.get(id) ?? 0;
    const id = others.reduce((least, other) => (count(other) < count(least) ? other : least), first);
    users.set(id, count(id) + 1);
    let released = false;
    return {
      // CUDA would count GPUs from the fastest on; nvidia-smi, and so a person, counts by their places on the bus.
      env: { CUDA_VISIBLE_DEVICES: id, CUDA_DEVICE_ORDER: env.CUDA_DEVICE_ORDER ?? 'PCI_BUS_ID' },
      release() {
        if (!released) users.set(id, count(id) - 1);
        released = true;
      },
    };
  };
}
