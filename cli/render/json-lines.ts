import type { Reporter } from './run-event.ts';
import type { Terminal } from './terminal.ts';

/** Each event as one line of JSON on standard output. */
export function jsonReporter(terminal: Terminal): Reporter {
  return {
    report: (event) => terminal.out(JSON.stringify(event)),
    close: () => {},
  };
}
