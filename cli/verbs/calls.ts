import type { Context, ExitCode } from '../context.ts';

/** How verbs are called: with what, and who gets their exit code. */
export interface Calls {
  /** The outer context, with the global options applied. */
  context: () => Context;
  finish: (exitCode: ExitCode) => void;
}
