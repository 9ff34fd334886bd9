import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ExitCode, exitCodes } from './context.ts';

/** Ctrl-C (SIGINT, and SIGTERM), for as long as a command answers it itself. */
export interface Interrupts {
  /** Resolves the first time: save and leave. Pending for ever where nobody interrupts. */
  asked: Promise<void>;
  /** Resolves the second time: leave at once. */
  insisted: Promise<void>;
  /** How often it was pressed. */
  pressed(): number;
  /** Waits so many milliseconds, or until it is pressed. A race with `asked` would leave something in that each time. */
  pause(milliseconds: number): Promise<void>;
  /**
   * The exit code of a command that serves for as long as it is let: to have ended on one SIGTERM is what it was told,
   * while Ctrl-C, and whatever came a second time, interrupted it.
   */
  served(): ExitCode;
  /** Gives the signals back: the next one ends the process. */
  stop(): void;
}

/** Takes over Ctrl-C until `stop`. */
export function watchInterrupts(): Interrupts {
  const pressed: NodeJS.Signals[] = [];
  const resolvers: (() => void)[] = [];
  const next = () =>
    new Promise<void>((resolve) => {
      resolvers.push(resolve);
    });
  const [asked, insisted] = [next(), next()];
  const first = new AbortController();
  const interrupt = (signal: NodeJS.Signals): void => {
    resolvers[pressed.length]?.();
    pressed.push(signal);
    first.abort();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  return {
    asked,
    insisted,
    pressed: () => pressed.length,
    pause: (milliseconds) => sleep(milliseconds, undefined, { signal: first.signal }).catch(() => undefined),
    served: () => (pressed.length > 1 || pressed[0] === 'SIGINT' ? exitCodes.interrupted : exitCodes.fine),
    stop() {
      process.off('SIGINT', interrupt);
      process.off('SIGTERM', interrupt);
    },
  };
}
