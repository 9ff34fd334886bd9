import { nats } from '../../words/figures.ts';
import type { Measure, StageSummary } from '../../words/summary.ts';
import { columns } from './columns.ts';
import type { Colours } from './terminal.ts';

/**
 * A row for each evaluated model, a column for each measure with its change from the parent stage; `*` marks a change
 * whose 95 % interval leaves zero out. Empty text where nothing was evaluated.
 */
export function renderSummary(stages: readonly StageSummary[], colours: Colours): string {
  const heads = new Map<string, string>();
  for (const stage of stages) for (const measure of stage.measures) heads.set(nameOf(measure), headOf(measure));
  if (heads.size === 0) return '';
  const measured = [...heads].map(([name, head]) => {
    const cells = stages.map((stage) => stage.measures.find((measure) => nameOf(measure) === name));
    return [colours.bold(head), ...measureColumn(cells, colours)];
  });
  const addresses = [colours.bold('model'), ...stages.map((stage) => stage.address)];
  const isMarked = stages.some(({ marks }) => marks.length > 0);
  const marked = isMarked ? [['', ...stages.map(({ marks }) => colours.yellow(marks.join(', ')))]] : [];
  const rows = addresses.map((address, row) => [
    address,
    ...[...measured, ...marked].map((column) => column[row] ?? ''),
  ]);
  const isJudged = stages.some(({ measures }) => measures.some(({ metric }) => metric.startsWith('rm@')));
  const judged = isJudged ? '\nRM@k: the same of the response that the reward model likes best among k.' : '';
  const legend =
    'Loss in nats a token; Pass@k in %, greedy Pass@1 with its 95 % interval; then the change from the stage';
  return `${columns(rows)}\n${colours.dim(`${legend}\nbefore, with * where the 95 % interval of the change leaves zero out.${judged}`)}`;
}

/** The cells of one measure: value, interval and change, each lined up below the others. */
function measureColumn(measures: readonly (Measure | undefined)[], colours: Colours): string[] {
  const cells = measures.map((measure) => {
    if (!measure) return ['', '', ''];
    const { metric, value, low, high, change } = measure;
    const interval = metric === 'pass@1' ? `[${shown(metric, low)}, ${shown(metric, high)}]` : '';
    return [shown(metric, value), interval, change === null ? '' : changeText({ ...measure, change }, colours)];
  });
  const used = [0, 1, 2].filter((index) => cells.some((cell) => cell[index] !== ''));
  const lines = columns(
    cells.map((cell) => used.map((index) => cell[index] ?? '')),
    ['right', 'left', 'left'],
    ' ',
  );
  return lines.split('\n');
}

function changeText({ metric, change, clear }: Measure & { change: number }, colours: Colours): string {
  const text = `${change < 0 ? '-' : '+'}${shown(metric, Math.abs(change))}${clear ? '*' : ''}`;
  if (!clear) return colours.dim(text);
  const better = metric === 'loss' ? change < 0 : change > 0;
  return better ? colours.green(text) : colours.red(text);
}

function shown(metric: string, value: number): string {
  return metric === 'loss' ? nats(value) : (value * 100).toFixed(1);
}

function nameOf({ suite, task, metric }: Measure): string {
  return `${suite} ${task} ${metric}`;
}

function headOf({ suite, task, metric }: Measure): string {
  if (metric === 'loss') return `loss ${task}`;
  return task === 'all' ? `${suite} ${metric}` : `${suite} ${task} ${metric}`;
}
