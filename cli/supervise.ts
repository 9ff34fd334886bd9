import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { endProcess, type ProcessRecord, recordProcess } from '../activities/processes.ts';

export interface SupervisedProgram {
  /** For messages: `the Temporal server`. */
  name: string;
  start(): ChildProcess;
  /**
   * Told whenever it was started; null where it ended before anybody could look. Where that fails, nothing is restarted.
   */
  onStart(record: ProcessRecord | null): void | Promise<void>;
  /** Told when it ended though nobody asked it to; it is started again. */
  onCrash(how: string): void;
  /** Told when starting it again has no point. */
  onGiveUp(reason: string): void;
}

/** A program that is kept running. */
export interface Supervised {
  record(): ProcessRecord | null;
  /** Ends it for good: SIGTERM, and SIGKILL after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/** Pauses before a restart, in milliseconds. One that ran for a minute begins at the first again. */
const pauses = [100, 200, 500, 1000, 2000, 5000, 5000, 5000];
const settledMs = 60_000;

/** Starts a program, and starts it again whenever it ends, with growing pauses, up to eight times in a row. */
export function supervise(program: SupervisedProgram): Supervised {
  let child: ChildProcess | undefined;
  let record: ProcessRecord | null = null;
  let stopping = false;
  let inARow = 0;
  let timer: NodeJS.Timeout | undefined;

  const begin = (): void => {
    const startedAt = performance.now();
    child = program.start();
    record = child.pid === undefined ? null : (recordProcess(child.pid) ?? null);
    void Promise.resolve(program.onStart(record)).catch((error: unknown) =>
      program.onGiveUp(error instanceof Error ? error.message : String(error)),
    );
    let over = false;
    const end = (how: string): void => {
      if (over || stopping) return;
      over = true;
      record = null;
      if (performance.now() - startedAt > settledMs) inARow = 0;
      const pause = pauses[inARow];
      if (pause === undefined) {
        program.onGiveUp(`${program.name} ended ${inARow + 1} times in a row, the last time ${how}`);
        return;
      }
      program.onCrash(how);
      inARow += 1;
      timer = setTimeout(begin, pause);
    };
    child.once('error', (error) => end(`before it ran (${error.message})`));
    child.once('exit', (code, signal) => end(signal === null ? `with exit code ${code}` : `killed by ${signal}`));
  };
  begin();

  return {
    record: () => record,
    async stop(graceMs) {
      stopping = true;
      clearTimeout(timer);
      const exited = child?.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
      if (record === null) return;
      await endProcess(record, graceMs);
      await exited;
    },
  };
}
