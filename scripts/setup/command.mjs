import { SetupFailure } from './failure.mjs';
import { createProgress } from './progress.mjs';

/**
 * Runs a script's work and sets the exit code: 0, 1 after a failure, which is told in one message with its remedy, 130
 * after Ctrl-C. `--debug` (or DESCENT_DEBUG=1) adds what is underneath.
 *
 * @param {(progress: import('./progress.mjs').Progress) => Promise<void>} work
 */
export async function runCommand(work) {
  const progress = createProgress();
  for (const [signal, code] of /** @type {const} */ ([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ])) {
    process.once(signal, () => {
      progress.say('interrupted: what is complete is kept; run the same command to go on');
      process.exit(code);
    });
  }
  try {
    await work(progress);
  } catch (error) {
    progress.say(describe(error, process.argv.includes('--debug') || process.env.DESCENT_DEBUG === '1'));
    process.exitCode = 1;
  }
}

/**
 * @param {unknown} error
 * @param {boolean} debug
 */
function describe(error, debug) {
  if (!(error instanceof SetupFailure)) {
    const message = error instanceof Error ? error.message : String(error);
    return debug && error instanceof Error
      ? `error: ${error.stack}`
      : `error: ${message}\n  hint: this looks like a fault in Descent; --debug shows where it happened`;
  }
  const underneath = error.cause instanceof Error ? error.cause.stack : error.cause;
  return [
    `error: ${error.message}`,
    `  hint: ${error.remedy}`,
    ...(debug ? [error.stack, ...(underneath === undefined ? [] : [underneath])] : []),
  ].join('\n');
}
