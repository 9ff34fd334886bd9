/** Whether nodes of a device class run on a GPU: `gpu` and `gpu-...` do, all others on the CPU. */
export function isGpuClass(name: string): boolean {
  return /^gpu\b/.test(name);
}
