/**
 * The defaults of Descent's execution: which Temporal it uses, and what this machine runs at once.
 *
 * Nothing here is needed. To change something, put a `temporal.config.json`, `.mjs` or `.js` with only what differs into
 * the folder that you start `descent` in, or name a file in `DESCENT_TEMPORAL_CONFIG`:
 *
 * ```json
 * { "address": "temporal.example.org:7233", "namespace": "lineages", "devices": { "cpu": { "slots": 4, "threads": 2 } } }
 * ```
 *
 * A `.mjs` or `.js` file exports the same object as its default. Everything here is placement: no value can change a
 * node's key or its results.
 */

import { availableParallelism } from 'node:os';

/** Nodes of one device class that a worker runs at once, and the threads each of them gets. */
export interface DeviceClass {
  /** Nodes at once. Raise it where a node leaves the device idle; lower it where nodes run out of memory. At least 1. */
  slots: number;
  /** TensorFlow threads for each. `slots x threads` is best not above the number of cores. At least 1. */
  threads: number;
  /**
   * The GPUs of a class `gpu` or `gpu-...`, each by number (as nvidia-smi counts), UUID, or UUID of a slice (MIG). A
   * training has one of them, and none has two trainings unless there are more slots than GPUs. Name them where one
   * machine has several such classes. Default: all that CUDA_VISIBLE_DEVICES leaves.
   */
  gpus?: string[];
  /** How fast one slot is, for `descent plan` to say hours before anything was measured here. Default: not known. */
  speed?: SlotSpeed;
  /**
   * Bytes of memory that one slot may take: of the GPU, or of the machine where there is none. `descent plan` and `run` refuse
   * what would take more. Default: not known, and a trainer looks at what its machine has.
   */
  memory?: number;
  /** What starts the nodes' trainers. Default: the worker, each as one process of its machine. */
  launcher?: { torchrun: TorchrunSettings } | { slurm: SlurmSettings } | { kubernetes: KubernetesSettings };
}

/**
 * Trainers as several processes of the worker's machine, each with a GPU of its own where there are some, by PyTorch's
 * `torchrun`. It starts the `trainer` that is configured; Descent's own, and those of engines, are one process each.
 */
export interface TorchrunSettings {
  /** Processes of one training. Of a class `gpu` or `gpu-...` it has as many GPUs. */
  processes: number;
  /** The command. Default: `torchrun`. */
  program?: string[];
}

/**
 * Trainers as jobs of Slurm, which its own commands hand in on the worker's machine, as the person who runs the worker. The
 * home, this program and the models lie where the cluster's machines see them by the same paths. `slots` is then how many
 * jobs are handed in at once, and `threads` the cores of each.
 */
export interface SlurmSettings {
  /** Default: the cluster's. */
  partition?: string;
  account?: string;
  qos?: string;
  /** Longest that a job may run, as Slurm writes it: `24:00:00`, `2-12:00:00`. What takes longer is handed in again. Default: the partition's. */
  walltime?: string;
  /** Memory of a job: `16G`. Default: the cluster's. */
  memory?: string;
  /** Cores of a job. Default: the class's `threads`. */
  cpus?: number;
  /** GPUs of a job, as `--gpus` takes them: `1`, `a100:1`. Default: 1 of a class `gpu` or `gpu-...`, else none. */
  gpus?: number | string;
  /** Further options of `sbatch`: `--constraint=a100`. */
  options?: string[];
  /** Lines of the shell that a job begins with: `module load cuda`. */
  setup?: string[];
  /** How long before its time is up a job's trainer is asked to save. Slurm may ask up to a minute earlier. Default: 60. */
  saveSeconds?: number;
  /** How often Slurm is asked how all jobs stand. Default: 15. */
  pollSeconds?: number;
}

/** Trainers as Jobs of Kubernetes, which `kubectl` hands in on the worker's machine. */
export interface KubernetesSettings {
  /** Image with this version of Descent in it; its trainer stands at the paths that the worker's has, or in `program`. */
  image: string;
  /** Claim of the volume that has the home. */
  claim: string;
  /** Where a pod has that volume: the folder of the worker's machine that it is, so that paths are the same. */
  mountPath: string;
  /** Default: that of kubectl's context. */
  namespace?: string;
  /** Default: kubectl's current one. */
  context?: string;
  /** Memory of a pod, asked for and at most: `16Gi`. Default: not said. */
  memory?: string;
  /** Cores asked for. Default: the class's `threads`. */
  cpus?: number;
  /** GPUs of a pod (`nvidia.com/gpu`). Default: 1 of a class `gpu` or `gpu-...`, else none. */
  gpus?: number;
  /** Labels of the machines that it may run on. */
  nodeSelector?: Record<string, string>;
  serviceAccount?: string;
  priorityClass?: string;
  /** Secret whose entries are in the trainers' environment: `OPENAI_API_KEY` for stages that ask an endpoint. */
  secret?: string;
  /** Command that runs Descent's job program; the path of a note is appended. Default: this Node and this Descent, by their paths here. */
  program?: string[];
  /** How long a pod has to end that is taken away; a trainer that is asked to save has `stopSeconds`. Default: 60. */
  saveSeconds?: number;
  /** How often Kubernetes is asked how all jobs stand. Default: 15. */
  pollSeconds?: number;
}

/** An H100 that trains in bfloat16: `{ peak: 989e12, utilisation: 0.4 }`, the peak being the data sheet's dense one. */
export interface SlotSpeed {
  /** Floating-point operations in a second, at most, of all that one slot has. Above 0. */
  peak: number;
  /** The share of them that training reaches (model FLOPs utilisation). Above 0, at most 1. */
  utilisation: number;
}

/** Transport security of a Temporal that is not on this machine. */
export interface TlsFiles {
  /** Name in the server's certificate, where it is not the address. */
  serverName?: string;
  /** PEM file of the authority that signed the server's certificate. Default: those that the system trusts. */
  serverCA?: string;
  /** PEM files of this client's own certificate and key, for mutual TLS. Both or neither. */
  clientCertificate?: string;
  clientKey?: string;
}

/**
 * S3-compatible object storage, behind the home. Who asks is found as by any client of Amazon's: `AWS_ACCESS_KEY_ID` and
 * `AWS_SECRET_ACCESS_KEY`, `AWS_PROFILE`, `~/.aws`, the machine's role. Never written here.
 */
export interface ObjectStorage {
  /** A bucket that is there. */
  bucket: string;
  /** What all names in it begin with, without slashes at its ends. Default: nothing, and the bucket is Descent's alone. */
  prefix?: string;
  /** URL of a server that is not Amazon's, `http://host:9000`. Default: `AWS_ENDPOINT_URL_S3`, else Amazon's of the region. */
  endpoint?: string;
  /** Default: `AWS_REGION`, else that of the profile; with an endpoint `us-east-1`. */
  region?: string;
  /**
   * Bytes that larger files of models may take in this home, of those that the storage has too: when there are more, those used
   * longest ago go from here, and come back when they are needed. Default: no limit.
   */
  cache?: number;
}

export interface TemporalConfig {
  /**
   * `host:port` of a Temporal server. Default: none, and `descent run` starts one of its own for as long as it runs.
   * The standard `TEMPORAL_*` environment is read as well, and goes before this file.
   */
  address?: string;
  /** Namespace on that server. Use one for each store folder: workflows are named after keys. Default: `default`. */
  namespace?: string;
  /** Key of Temporal Cloud. Better in the environment, as `TEMPORAL_API_KEY`: files are copied and committed. */
  apiKey?: string;
  /** `true` for TLS with the system's authorities (also the default with an API key), or files. Default: none. */
  tls?: boolean | TlsFiles;
  /**
   * ES module, relative to the configuration's file, whose default export is a codec of Temporal's (`encode` and
   * `decode` of payloads): with encryption, a server keeps nothing that it could read. `docs/execution.md` has one.
   * Default: none.
   */
  codec?: string;
  /**
   * Whether the namespace has the search attributes LineageId, Stage, NodeKey, Verdict (Keyword) and Seed (Int), so that
   * workflows can be found by them; where it lacks one, nothing starts. The server that Descent starts has them.
   * Default: false.
   */
  searchAttributes?: boolean;
  /**
   * URL of an OpenTelemetry collector (`http://host:4318`) that gets traces of runs and metrics of Temporal's runtime, by
   * OTLP over HTTP. The standard `OTEL_EXPORTER_OTLP_*` environment goes before it. Default: none.
   */
  otlpEndpoint?: string;
  /**
   * Where finished nodes go beside this home, so that other hosts with homes of their own have them: `docs/storage.md`. A
   * node counts as done once all of it is there. Default: none; machines then share one home, or nothing.
   */
  storage?: ObjectStorage;

  /** First part of all task queues: `descent`, `descent-results`, `descent-cpu`. Letters, digits, `-` and `_`. */
  queue: string;
  /** What a worker on this machine runs, by device class. A lineage's placement names classes. */
  devices: Record<string, DeviceClass>;
  /** Nodes of one lineage in flight, running or queued for a device. From 1 to 200. Temporal's limits bound it. */
  window: number;

  /**
   * Seconds without a sign of life after which a running node counts as lost and is started again, from its newest
   * checkpoint, and after which another machine takes over writing the results. Raise it where machines are so busy that a worker may be silent for longer. At least 2.
   */
  heartbeatSeconds: number;
  /** Seconds that a trainer has to save a checkpoint when it is asked to stop; then it is killed. At least 1. */
  stopSeconds: number;
  /** Command that speaks the trainer's contract, to use in place of the built-in trainer; the job's path is appended. */
  trainer?: string[];
  /**
   * Commands that speak the same contract, by name: what a lineage file trains with `engine: command/<name>`. Here and not in
   * that file, which so can run nothing. The name is part of the keys of what a command trains; its program is not. Default:
   * none.
   */
  engines?: Record<string, string[]>;
}

const defaults: TemporalConfig = {
  queue: 'descent',
  // One thread a node: many small models side by side use a CPU better than one that is spread over all cores.
  devices: { cpu: { slots: Math.max(1, availableParallelism()), threads: 1 } },
  window: 200,
  heartbeatSeconds: 30,
  stopSeconds: 30,
};

export default defaults;
