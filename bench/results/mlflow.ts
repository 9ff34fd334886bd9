import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { figures, steps } from './made.ts';

/** What MLflow took for the same kind of runs. */
export interface MlflowMeasured {
  version: string;
  runs: number;
  rows: number;
  seconds: number;
  /** Milliseconds of each time, by question. */
  asked: Record<string, number[]>;
}

const script = fileURLToPath(new URL('../../../bench/results/log_to_mlflow.py', import.meta.url));

/**
 * Logs runs, of as many steps and figures each as Descent's, to MLflow on SQLite through its client, in batches as large
 * as it takes, and asks four of the same questions. `python` has mlflow. Throws what it prints where it fails.
 */
export async function measureMlflow(
  python: string,
  folder: string,
  runs: number,
  times: number,
): Promise<MlflowMeasured> {
  const args = [script, folder, String(runs), String(steps), String(figures), String(times)];
  const { stdout } = await promisify(execFile)(python, args, { maxBuffer: 1e8 });
  return JSON.parse(stdout) as MlflowMeasured;
}
