/** The names of this machine's NVIDIA GPUs, e.g. `NVIDIA H200`, in nvidia-smi's order. Starts nothing. */
export function findGpus(): string[];

/** The name of the first of them; undefined where there is none to use. */
export function findGpu(): string | undefined;

/** The GPUs that a process with this environment may use, as CUDA_VISIBLE_DEVICES names them. Default: this process. */
export function visibleGpus(env?: NodeJS.ProcessEnv): string[];

/** What the driver says of a GPU. */
export interface Gpu {
  uuid: string;
  name: string;
  /** Version of the driver. */
  driver: string;
  /** In MiB; null where it is not known. */
  memory: number | null;
  /** E.g. `9.0`. */
  computeCapability: string;
}

/** Asks the driver about one GPU (number, UUID or MIG UUID) or all. Rejects where nvidia-smi is not there or fails. */
export function queryGpus(id?: string): Promise<Gpu[]>;

/** The newest CUDA that the driver knows, e.g. `12.8`, if it says. Rejects as `queryGpus`. */
export function cudaOfDriver(): Promise<string | undefined>;

/** The CUDA of the pinned wheels, e.g. `12.9`. */
export function cudaOfWheels(): string;

/** The program that asks NVIDIA's driver. */
export function nvidiaSmiPath(): string;
