import process from 'node:process';
import { createLogUpdate } from 'log-update';
import { counted, duration, whole } from '../../words/figures.ts';
import type { LineageCounts } from '../../workflows/messages.ts';
import { columns } from './columns.ts';
import { onOneLine } from './one-line.ts';
import type { Progress, Reporter, RunEvent } from './run-event.ts';
import { blockedText, endText, failureText, figuresText, progressText, retriedText, summaryText } from './sentences.ts';
import type { Terminal } from './terminal.ts';

/** Times a second that the view is drawn. */
const framesPerSecond = 5;
/** Running nodes shown at once; the others are counted. */
const mostRows = 12;
const barWidth = 20;

/**
 * The live view: what has ended scrolls up and stays, and below it stand the running nodes with a bar each and one line
 * for the lineage as a whole. `clock` gives seconds.
 */
export function liveReporter(terminal: Terminal, clock: () => number): Reporter {
  const { colours } = terminal;
  const update = createLogUpdate(process.stdout);
  const begun = clock();
  const running = new Map<string, Progress | null>();
  let counts: LineageCounts | null = null;
  let starting = false;
  let stopping = false;

  const draw = (): void => {
    if (counts === null && !starting) return;
    const shown = [...running].slice(0, mostRows);
    const rows = shown.map(([address, progress]) => [
      '  ',
      address,
      bar(progress),
      progress ? progressText(progress) : 'starting',
    ]);
    const more = running.size > shown.length ? [colours.dim(`     and ${running.size - shown.length} more`)] : [];
    const state = counts === null ? 'starting' : countsText(counts);
    const line = `${state} · ${duration(Math.floor(clock() - begun))}`;
    update(
      [
        ...(rows.length > 0 ? [columns(rows)] : []),
        ...more,
        colours.dim(`   ${line}`),
        ...(stopping ? [`   ${colours.yellow(STOPPING)}`] : []),
      ].join('\n'),
    );
  };
  const bar = (progress: Progress | null): string => {
    const share = progress && progress.steps > 0 ? Math.min(1, progress.step / progress.steps) : 0;
    const full = Math.round(share * barWidth);
    return colours.cyan('━'.repeat(full)) + colours.dim('─'.repeat(barWidth - full));
  };
  const keep = (text: string): void => {
    update.clear();
    terminal.out(text);
    draw();
  };
  const timer = setInterval(draw, 1000 / framesPerSecond);

  const report = (event: RunEvent): void => {
    switch (event.event) {
      case 'planned':
        starting = event.pending > 0;
        keep(`${colours.bold(event.lineage)}${event.title ? `: ${onOneLine(event.title)}` : ''}\n${event.total}`);
        break;
      case 'connected':
        keep(colours.dim(`Temporal: ${event.uiAddress ?? event.address}`));
        break;
      case 'started':
        running.set(event.address, null);
        draw();
        break;
      case 'progress':
        running.set(event.address, event);
        break;
      case 'retried':
        keep(`${colours.yellow('!')}  ${event.address}: ${retriedText(event)}`);
        break;
      case 'counts':
        counts = event.counts;
        draw();
        break;
      case 'finished':
        running.delete(event.address);
        keep(
          `${colours.green('✔')}  ${event.address}  ${colours.dim(duration(event.seconds))}  ${figuresText(event.figures)}`.trimEnd(),
        );
        break;
      case 'failed':
        running.delete(event.address);
        keep(`${colours.red('✘')}  ${failureText(event, colours)}`);
        break;
      case 'blocked':
        keep(`${colours.yellow('-')}  ${colours.dim('blocked')} ${blockedText(event.addresses)}`);
        break;
      case 'notice':
        keep(`${colours.yellow('!')}  ${event.text}`);
        break;
      case 'stopping':
        stopping = true;
        draw();
        break;
      case 'summary': {
        counts = null;
        starting = false;
        update.clear();
        const text = summaryText(event, colours);
        if (text !== '') terminal.out(`\n${text}`);
        break;
      }
      case 'ended':
        counts = null;
        starting = false;
        update.clear();
        terminal.out(`\n${endText(event, colours)}`);
        break;
      default:
        event satisfies never;
    }
  };
  return {
    report,
    close: () => {
      clearInterval(timer);
      update.clear();
      update.done();
    },
  };
}

const STOPPING = 'saving checkpoints; Ctrl-C again stops at once';

/** `4 of 17 done (2 reused) · 1 running · 12 waiting`. */
function countsText(counts: LineageCounts): string {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const parts = [
    `${whole(counts.done + counts.reused)} of ${counted(total, 'node')} done${counts.reused > 0 ? ` (${whole(counts.reused)} before)` : ''}`,
    ...(['running', 'waiting', 'failed', 'blocked'] as const)
      .filter((state) => counts[state] > 0)
      .map((state) => `${whole(counts[state])} ${state}`),
  ];
  return parts.join(' · ');
}
