import type { Architecture, Precision } from './types/job.ts';

/** What the self-test of a device (`trainer/selftest.ts`) is asked for, as JSON in its argument. */
export interface SelfTest {
  architecture: Architecture;
  precision: Precision;
  /** Of the batch, each as long as the model's context. */
  sequences: number;
  /** Updates before any is timed; the first compiles. */
  warmup: number;
  /** Updates that are timed. */
  updates: number;
  /** Rows of square matrices whose products say what the device can do; null: not measured. */
  product: number | null;
  /** File for the weights before the first update and those after the last, one after the other; null: not kept. */
  weights: string | null;
}

/** A line on standard output: what is timed begins, and what came of it. */
export type SelfTestEvent =
  | { event: 'timing' }
  | {
      event: 'done';
      device: 'cpu' | 'gpu';
      hardware: string | null;
      /** Before each update, in nats. */
      losses: number[];
      /** Of the first update, which compiles. */
      firstSeconds: number;
      /** Of an update, the mean of those that were timed. */
      seconds: number;
      /** Floating-point operations a second in matrix products alone; null where not measured. */
      productFlops: number | null;
    }
  | { event: 'failed'; message: string };
