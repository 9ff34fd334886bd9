import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Request, Task, Turn } from './tasks.ts';

/** A program that does tasks (tasks.ts). */
export interface Program {
  command: string[];
  /** Added to the environment. */
  env?: NodeJS.ProcessEnv;
}

/** A program at work on one task, in a process of its own. */
export interface Engine {
  /** One turn. Throws, with what the program said last, where it ended instead of answering. */
  turn(repeats: number): Promise<Turn>;
  /** The most memory that the process had at once, in megabytes; undefined where the system does not tell. */
  peakMegabytes(): Promise<number | undefined>;
  /** Ends the process, after the turn that it is at. */
  stop(): Promise<void>;
}

/** Threads that multiply, in every engine; operators do not run side by side. */
export const threads = 2;

/** Starts a program on a task. */
export function startEngine({ command: [program = '', ...args], env }: Program, task: Task): Engine {
  const child = spawn(program, args, { env: { ...settings(), ...env }, stdio: 'pipe' });
  const closed = once(child, 'close');
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2000);
  });
  // Of a program that has ended its answer tells, which does not come.
  child.stdin.on('error', () => {});
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const send = (message: Task | Request) => child.stdin.write(`${JSON.stringify(message)}\n`);
  send(task);
  return {
    async turn(repeats) {
      send({ repeats });
      const { value, done } = await answers.next();
      if (!done) return JSON.parse(value) as Turn;
      const [status, signal] = await closed;
      throw new Error(`${program} ${args.join(' ')} (${task.task}) ended with ${status ?? signal}: ${said.trim()}`);
    },
    async peakMegabytes() {
      // Not the process's own account of it: that begins with what the one had that started it.
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
      const kilobytes = /VmHWM:\s+(\d+)/.exec(status)?.[1];
      return kilobytes === undefined ? undefined : Number(kilobytes) / 1024;
    },
    async stop() {
      child.stdin.end();
      await closed;
    },
  };
}

/** A person's own settings of threads and devices would make the engines differ. */
function settings(): NodeJS.ProcessEnv {
  const { DESCENT_DEVICE, DESCENT_THREADS, ...others } = process.env;
  const count = String(threads);
  return { ...others, OMP_NUM_THREADS: count, TF_NUM_INTRAOP_THREADS: count, TF_NUM_INTEROP_THREADS: '1' };
}
