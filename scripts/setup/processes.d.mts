/** How a program ended; `status` is undefined where it could not be started or was ended by a signal. */
export interface Ended {
  status: number | undefined;
  stdout: string;
  stderr: string;
  timedOut: boolean;
}

/** Runs a program to its end, without a shell; it is killed after `timeoutSeconds`. */
export function run(
  program: string,
  args: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; timeoutSeconds: number },
): Promise<Ended>;

/** The path of the first executable file of a bare name on PATH. */
export function onPath(program: string): string | undefined;
