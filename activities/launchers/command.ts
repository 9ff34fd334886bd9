import { spawn } from 'node:child_process';
import { killGroup } from '../processes.ts';

/** What a command came to. */
export interface Answer {
  /** Null where it could not be started, took too long, or was killed. */
  code: number | null;
  stdout: string;
  /** What it wrote on standard error, or why it did not come to that. */
  stderr: string;
}

/**
 * Runs a command of a cluster to its end. Never throws.
 *
 * @param patienceMs after which it is killed, with all that it started. Default: a minute. A cluster that is busy may take
 * its time; one that takes longer does not answer
 */
export function ask(
  command: string,
  args: readonly string[],
  {
    input = '',
    env = process.env,
    patienceMs = 60_000,
  }: { input?: string; env?: NodeJS.ProcessEnv; patienceMs?: number } = {},
): Promise<Answer> {
  return new Promise((resolve) => {
    // In a group of its own: programs that give it tokens hold its output open, and go with it.
    const child = spawn(command, args, { env, detached: true });
    let late: string[] = [];
    const patience = setTimeout(() => {
      late = [`${command} did not answer within ${patienceMs / 1000} s`];
      killGroup(child);
    }, patienceMs);
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
    const end = (code: number | null, stderr: string): void => {
      clearTimeout(patience);
      resolve({ code, stdout: said.stdout, stderr });
    };
    child.on('error', (error: NodeJS.ErrnoException) =>
      end(null, error.code === 'ENOENT' ? missing(command) : error.message),
    );
    child.on('close', (code) => end(code, [...late, said.stderr.trim()].filter((text) => text !== '').join(': ')));
  });
}

function missing(command: string): string {
  return `there is no \`${command}\` on this machine: start the worker on one that has the cluster's commands`;
}
