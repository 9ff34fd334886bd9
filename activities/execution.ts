import type { Context } from '@temporalio/activity';
import type { PlanNode } from '../planner/plan.ts';
import type { DoneEvent, StartedEvent } from '../schemas/types/event.ts';
import type { Manifest } from '../schemas/types/manifest.ts';
import type { Attempt } from '../store/attempt.ts';
import type { Storage } from '../store/remote/storage.ts';
import type { DeviceClass } from '../temporal.config.ts';
import type { NodeProgress } from '../workflows/messages.ts';
import type { Claim } from './claim.ts';
import type { GpuUse } from './gpus.ts';
import type { Launcher } from './launchers/launcher.ts';
import type { PlanReader } from './plans.ts';
import type { startTrainer } from './trainer.ts';

/** What executing nodes needs to know of this machine. */
export interface ExecuteOptions {
  home: string;
  plans: PlanReader;
  /** Command that speaks the trainer's contract; the job's path is appended. */
  trainer: string[];
  /** The same of the program that trains by other engines. */
  engines: string[];
  /** The same of programs of the user's own, by the names that temporal.config gives them. */
  commands?: Readonly<Record<string, string[]>>;
  /** How it is started. Default: `startTrainer`, as a process. */
  start?: typeof startTrainer;
  /** Threads for a node, and the GPUs there are for nodes, by device class. */
  devices: Record<string, Pick<DeviceClass, 'threads' | 'gpus' | 'launcher'>>;
  /** What runs the trainers of a device class, where that is a cluster. */
  launchers?: Record<string, Launcher>;
  stopSeconds: number;
  /** Where finished nodes go, and what is not here comes from. Default: this home is all there is. */
  storage?: Storage | undefined;
  /** What says where the Hugging Face Hub and an OpenAI-compatible endpoint are, and who asks. Default: this process's environment. */
  env?: NodeJS.ProcessEnv;
}

/** A node under execution: what its steps share. */
export interface Execution {
  planDigest: string;
  node: PlanNode;
  device: string;
  context: Context;
  progress: NodeProgress;
  claim: Claim;
  attempt: Attempt;
  /** The environment that shows its trainer the GPU that it has. */
  env: GpuUse['env'];
}

/** What an execution came to. */
export interface Made {
  started: StartedEvent;
  done: DoneEvent;
  adopted?: NonNullable<Manifest['provenance']['adopted']>;
}
