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

/** What each exit code says, for people. */
export const exitCodeMeanings: Readonly<Record<keyof typeof exitCodes, string>> = {
  fine: 'fine',
  error: 'an error; the message says what happened and what to do, `--debug` adds the stack',
  pending: '`plan --detailed-exitcode`: something would run',
  refused:
    'refused: the lineage file is invalid or passes its budget, a written plan no longer holds, a model does not fit the node that it is to stand for, or `gc` does not know all that is needed',
  interrupted:
    'interrupted, by Ctrl-C or SIGTERM; of `worker`, `up` and `ui`, whose end SIGTERM is, by Ctrl-C or by a second signal',
};

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** `path` as it was given on the command line, made absolute. */
export function absolute(context: Context, path: string): string {
  return resolve(context.cwd, path);
}
