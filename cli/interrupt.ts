import process from 'node:process';

/** Ctrl-C (SIGINT, and SIGTERM), for as long as a command answers it itself. */
export interface Interrupts {
  /** Resolves the first time: save and leave. Pending for ever where nobody interrupts. */
  asked: Promise<void>;
  /** Resolves the second time: leave at once. */
  insisted: Promise<void>;
  /** How often it was pressed. */
  pressed(): number;
  /** Gives the signals back: the next one ends the process. */
  stop(): void;
}

/** Takes over Ctrl-C until `stop`. */
export function watchInterrupts(): Interrupts {
  let times = 0;
  const resolvers: (() => void)[] = [];
  const next = () =>
    new Promise<void>((resolve) => {
      resolvers.push(resolve);
    });
  const [asked, insisted] = [next(), next()];
  const interrupt = (): void => {
    resolvers[times]?.();
    times += 1;
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  return {
    asked,
    insisted,
    pressed: () => times,
    stop() {
      process.off('SIGINT', interrupt);
      process.off('SIGTERM', interrupt);
    },
  };
}
