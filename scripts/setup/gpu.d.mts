/** The name of this machine's NVIDIA GPU, e.g. `NVIDIA H200`; undefined where there is none to use. Starts nothing. */
export function findGpu(): string | undefined;
