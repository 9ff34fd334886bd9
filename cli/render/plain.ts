import { duration } from '../../words/figures.ts';
import type { Reporter, RunEvent } from './run-event.ts';
import { blockedText, endText, failureText, figuresText, progressText, retriedText, summaryText } from './sentences.ts';
import type { Terminal } from './terminal.ts';

/** Seconds between two lines on the progress of the same node. */
const progressEvery = 10;

/**
 * A line for each thing that happens, for logs and pipes: start and end of each node with its main figures, and its
 * progress every ten seconds. Lines begin with the time since the start. `clock` gives seconds.
 */
export function plainReporter(terminal: Terminal, clock: () => number): Reporter {
  const begun = clock();
  const told = new Map<string, number>();
  const line = (verb: string, text: string): void => {
    terminal.out(`${duration(Math.floor(clock() - begun)).padStart(11)}  ${verb.padEnd(8)}  ${text}`);
  };
  const report = (event: RunEvent): void => {
    switch (event.event) {
      case 'planned':
        terminal.out(`${event.lineage}: ${event.total}`);
        break;
      case 'connected':
        terminal.out(`Temporal: ${event.uiAddress ?? event.address} (workflow ${event.workflowId})`);
        break;
      case 'started':
        told.set(event.address, clock());
        line('start', event.address);
        break;
      case 'progress': {
        if (clock() - (told.get(event.address) ?? 0) < progressEvery) return;
        told.set(event.address, clock());
        line('progress', `${event.address}: ${progressText(event)}`);
        break;
      }
      case 'retried':
        line('retry', `${event.address}: ${retriedText(event)}`);
        break;
      case 'counts':
        break;
      case 'finished': {
        const figures = figuresText(event.figures);
        line('done', `${event.address} in ${duration(event.seconds)}${figures === '' ? '' : `: ${figures}`}`);
        break;
      }
      case 'failed':
        terminal.out(failureText(event, terminal.colours));
        break;
      case 'blocked':
        line('blocked', blockedText(event.addresses));
        break;
      case 'notice':
        line('note', event.text);
        break;
      case 'stopping':
        line('stopping', 'saving checkpoints; Ctrl-C again stops at once');
        break;
      case 'summary': {
        const text = summaryText(event, terminal.colours);
        if (text !== '') terminal.out(`\n${text}`);
        break;
      }
      case 'ended':
        terminal.out(`\n${endText(event, terminal.colours)}`);
        break;
      default:
        event satisfies never;
    }
  };
  return { report, close: () => {} };
}
