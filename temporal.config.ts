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
