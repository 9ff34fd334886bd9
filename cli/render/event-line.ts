import type { TrainerEvent } from '../../schemas/types/event.ts';
import { bytes, counted, figure, percent, whole } from '../../words/figures.ts';
import { onOneLine } from './one-line.ts';

/** Responses are cut here: `--json` has all of them. */
const longestResponse = 80;

/** One event of a trainer in one line, for people: of what a model or a trainer wrote no character steers the terminal. */
export function eventLine(event: TrainerEvent): string {
  return onOneLine(told(event));
}

function told(event: TrainerEvent): string {
  switch (event.event) {
    case 'started': {
      const from = event.resumedFrom === null ? '' : `, goes on from step ${whole(event.resumedFrom)}`;
      return `started       ${event.engine} on ${event.device}, ${counted(event.steps, 'step')}${from}`;
    }
    case 'metrics':
      return `step ${whole(event.step).padEnd(8)} ${values(event.values)}`;
    case 'progress':
      return `step ${whole(event.step).padEnd(8)} of ${whole(event.steps)}`;
    case 'checkpoint':
      return `checkpoint    ${event.path}`;
    case 'sample': {
      const response = event.response.replace(/\s+/g, ' ').trim();
      const shown = response.length > longestResponse ? `${response.slice(0, longestResponse - 1)}…` : response;
      return `sample        ${event.problem} ${event.correct ? 'right' : `wrong, expected ${event.expected}`}: ${shown}`;
    }
    case 'evaluation': {
      const of = `${event.suite}/${event.task} ${event.metric}`;
      return `evaluation    ${of} ${figure(event.value)} [${figure(event.low)}, ${figure(event.high)}], n ${whole(event.n)}`;
    }
    case 'overlap': {
      const share = event.problems === 0 ? 0 : (event.exact + event.grams) / event.problems;
      return `overlap       ${event.trained} with ${event.against}: ${percent(share)} of ${counted(event.problems, 'problem')}`;
    }
    case 'memory':
      return `memory        ${bytes(event.peakBytes)} at most`;
    case 'pace':
      return `pace          ${figure(event.secondsPerStep)} s a step`;
    case 'done':
      return `done          ${counted(event.step, 'step')}, ${counted(event.tokens, 'token')}`;
    case 'interrupted':
      return `interrupted   saved at step ${whole(event.step)}`;
    case 'failed':
      return `failed        ${event.message} (${event.kind}), after step ${whole(event.step)}`;
    default:
      return event satisfies never;
  }
}

function values(of: Readonly<Record<string, number>>): string {
  return Object.entries(of)
    .map(([name, value]) => `${name} ${figure(value)}`)
    .join('  ');
}
