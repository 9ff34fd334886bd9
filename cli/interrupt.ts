import process from 'node:process';
import { exitCodes } from './context.ts';

/** Ctrl-C, for as long as a command wants to say what it does. */
export interface Interrupt {
  /** Resolves when `first` has done its work; rejects with what it threw. Never, where nobody interrupts. */
  left: Promise<{ state: 'left' }>;
  /** Gives the signals back. */
  stop(): void;
}

/**
 * What Ctrl-C (SIGINT, and SIGTERM) does: the first time `first`; the second time `second`, and then the process ends
 * with exit code 130.
 */
export function onInterrupt(first: () => Promise<void>, second: () => Promise<void>): Interrupt {
  let times = 0;
  let leave: (done: Promise<{ state: 'left' }>) => void = () => {};
  const left = new Promise<{ state: 'left' }>((resolve) => {
    leave = resolve;
  });
  // Whoever waits hears of a rejection; where nobody does any more, it is no news.
  left.catch(() => {});
  const interrupt = (): void => {
    times += 1;
    if (times === 1) leave(first().then(() => ({ state: 'left' })));
    if (times === 2) void second().finally(() => process.exit(exitCodes.interrupted));
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  return {
    left,
    stop() {
      process.off('SIGINT', interrupt);
      process.off('SIGTERM', interrupt);
    },
  };
}
