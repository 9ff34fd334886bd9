import { spawn } from 'node:child_process';

/** What a command came to. */
export interface Answer {
  /** Null where it could not be started, took too long, or was killed. */
  code: number | null;
  stdout: string;
  /** What it wrote on standard error, or why it did not come to that. */
  stderr: string;
}

/** A cluster that is busy may take its time; one that takes longer does not answer. */
const patienceMs = 60_000;

/** Runs a command of a cluster to its end, which is at most a minute away. Never throws. */
export function ask(
  command: string,
  args: readonly string[],
  { input = '', env = process.env }: { input?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Answer> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { env, timeout: patienceMs, killSignal: 'SIGKILL' });
    const said = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said.stderr += text;
    });
    // It may end without having read any.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.on('error', (error) => resolve({ code: null, stdout: '', stderr: error.message }));
    child.on('close', (code, signal) => {
      const late = signal === null ? '' : `${command} did not answer within ${patienceMs / 1000} s`;
      resolve({ code, stdout: said.stdout, stderr: said.stderr.trim() || late });
    });
  });
}
