import type { QueueReason } from '../../workflows/messages.ts';
import type { ClusterEnd } from '../trainer.ts';

/** A cluster that runs trainers as its jobs. */
export interface Launcher {
  /** How often it is worth asking. */
  pollSeconds: number;
  /** Hands in a job. Throws a NodeError: `no-launcher` where the cluster refuses it, `no-cluster` where it does not answer. */
  submit(ticket: Ticket): Promise<void>;
  /** Asks the cluster whether it would take a job of the class, and hands none in. Throws as `submit` does. */
  wouldTake(): Promise<void>;
  look(job: JobName): Promise<JobState>;
  /** Asks the job's trainer to save and exit, with SIGTERM; takes away a job that has not begun. */
  stop(job: JobName): Promise<void>;
  /** Ends the job, whatever its trainer does. */
  end(job: JobName): Promise<void>;
  /** Why it ended a job whose state does not tell, by the last lines of the job's log; null where they do not either. */
  readLog?(lines: readonly string[]): ClusterEnd | null;
}

/** What the jobs of one device class have in common. */
export interface JobOptions {
  device: string;
  threads: number;
}

/** By what a cluster knows a job, whoever asks. */
export interface JobName {
  name: string;
  /** Its place in an array of jobs that go by that name. */
  task: number;
  /** Where the cluster puts what the job's shell writes, and its own words on the job. */
  log?: string;
}

/** A job to hand in. */
export interface Ticket {
  /** A name for it that no other job has. Jobs that are handed in together have one of their own. */
  name: string;
  /** The note that it begins with (`main.ts`). */
  notePath: string;
  /** Writes that note; called before the cluster knows of the job, which so can always be found again. */
  write(job: JobName): void;
  /** What its trainer finds in its environment beside this process's. */
  env: Record<string, string>;
}

/** How a job stands. */
export type JobState =
  | { phase: 'queued'; queue?: QueueReason }
  | { phase: 'running' }
  /** `by`: null where its trainer ended it, or nobody knows. `words` complete `its job ...`. */
  | { phase: 'ended'; by: ClusterEnd | null; words: string }
  /** The cluster does not answer. */
  | { phase: 'unknown'; words: string };
