import { log, type SignalDefinition, setDefaultSignalHandler } from '@temporalio/workflow';

/** What is done at a signal of one kind. */
export type SignalHandling = readonly [name: string, handle: (...args: unknown[]) => void];

/** Pairs a signal with what is done at it. */
export function on<Args extends unknown[]>(
  signal: SignalDefinition<Args>,
  handle: (...args: Args) => void,
): SignalHandling {
  return [signal.name, handle as (...args: unknown[]) => void];
}

/**
 * Handles all signals of a workflow in the order in which they came, also those from before it began: handlers that are
 * set one by one take these kind by kind, and of a pause and an unpause the wrong one would be the last.
 */
export function handleSignals(...handlings: SignalHandling[]): void {
  const handlers = new Map(handlings);
  setDefaultSignalHandler((name, ...args) => {
    const handle = handlers.get(name);
    if (handle === undefined) log.warn('a signal that nothing is done at', { name });
    else handle(...args);
  });
}
