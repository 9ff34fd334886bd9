import { resolve } from 'node:path';
import type { Terminal } from './render/terminal.ts';

/** What every verb is handed: the world outside it. */
export interface Context {
  terminal: Terminal;
  /** The folder Descent was started in, absolute. */
  cwd: string;
  /** The environment, with `--home` as DESCENT_HOME and `--device` as DESCENT_DEVICE applied. */
  env: NodeJS.ProcessEnv;
  /** Whether to show stack traces. */
  debug: boolean;
}

/** What a verb answers with, as the process's exit code. */
export const exitCodes = {
  fine: 0,
  error: 1,
  /** `plan --detailed-exitcode`: something would run. */
  pending: 2,
  /** The lineage file is invalid, or Descent refuses to run it. */
  refused: 3,
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** `path` as it was given on the command line, made absolute. */
export function absolute(context: Context, path: string): string {
  return resolve(context.cwd, path);
}
