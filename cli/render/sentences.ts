import { waitsBetweenTries } from '../../activities/failures.ts';
import { amount, duration, figure, percent, whole } from '../../words/figures.ts';
import type { QueueReason } from '../../workflows/messages.ts';
import type { FailedTry } from '../lineages.ts';
import { onItsLines, onOneLine } from './one-line.ts';
import type { Figure, NodeFailed, Progress, RunEvent } from './run-event.ts';
import { renderSummary } from './summary.ts';
import { renderTakeaways } from './takeaways.ts';
import type { Colours } from './terminal.ts';

/** Sentences on what came out; a table says more where there are many models. */
const mostFindings = 15;

/** `loss 1.234 · lr 0.0012`. */
export function figuresText(figures: readonly Figure[]): string {
  return figures.map(({ name, value, share }) => `${name} ${share ? percent(value) : figure(value)}`).join(' · ');
}

/** The metrics that say most of how a training goes: reward in RL, loss elsewhere. */
function mainValues(values: Record<string, number>): Figure[] {
  const name = ['reward', 'loss'].find((candidate) => values[candidate] !== undefined);
  const value = name === undefined ? undefined : values[name];
  return name === undefined || value === undefined ? [] : [{ name, value, share: false }];
}

/** `412 of 1,000 · loss 1.02 · 18.2K tokens/s · 1m 20s left`; what a node does where it has no steps yet. */
export function progressText(progress: Progress): string {
  if (progress.phase === 'retrying' && progress.failed) return `${failedText(progress.failed)}; waits for its next try`;
  if (progress.phase === 'queued' && progress.queue) return `in its cluster's queue: ${queueText(progress.queue)}`;
  if (progress.phase !== 'running' || progress.steps === 0) return PHASES[progress.phase];
  const { step, steps, tokensPerSecond, secondsLeft, values } = progress;
  return [
    `${whole(step)} of ${whole(steps)}`,
    figuresText(mainValues(values)),
    tokensPerSecond > 0 ? `${amount(tokensPerSecond)} tokens/s` : '',
    secondsLeft > 0 ? `${duration(secondsLeft)} left` : '',
  ]
    .filter((part) => part !== '')
    .join(' · ');
}

/** `ImagePullBackOff: Back-off pulling image "descent:0.2"`; of what no waiting mends, what to do. */
export function queueText({ reason, message, weight }: QueueReason): string {
  const words = message === '' ? reason : `${reason}: ${onOneLine(message)}`;
  if (weight !== 'stuck') return words;
  return `${words}. That does not pass by waiting: cancel, correct its launcher in temporal.config, and run again`;
}

/** `killed; goes on from step 120`, `no-cluster; try 2 of 5: Slurm does not answer: ...`, of what it said the first line. */
export function retriedText({
  step,
  failed,
}: Pick<Extract<RunEvent, { event: 'retried' }>, 'step' | 'failed'>): string {
  const what = step > 0 ? `${kindText(failed)}; goes on from step ${whole(step)}` : failedText(failed);
  const [reason = ''] = failed.reason.split('\n');
  return reason === '' ? what : `${what}: ${onOneLine(reason)}`;
}

function failedText(failed: FailedTry): string {
  const most = (waitsBetweenTries[failed.kind]?.length ?? 0) + 1;
  const next = failed.tries + 1;
  return `${kindText(failed)}; try ${whole(next)}${next <= most ? ` of ${whole(most)}` : ''}`;
}

function kindText({ kind }: FailedTry): string {
  return kind === 'lost' ? 'its worker was lost' : kind;
}

/** Why a node failed, what it wrote last, and what to do. */
export function failureText(failed: NodeFailed, colours: Colours): string {
  const lines = [`${colours.red('failed')}  ${failed.address}: ${onItsLines(failed.reason)} (${failed.kind})`];
  if (failed.lastLines.length > 0) {
    lines.push(colours.dim('  its last lines:'), ...failed.lastLines.map((line) => `    ${onOneLine(line)}`));
  }
  lines.push(`  ${colours.dim('remedy:')} ${failed.remedy}`);
  return lines.join('\n');
}

/** Nodes, the first few by name. */
export function severalText(addresses: readonly string[]): string {
  const more = addresses.length > 5 ? ` and ${addresses.length - 5} more` : '';
  return `${addresses.slice(0, 5).join(', ')}${more}`;
}

/** Nodes that will not run, the first few by name. */
export function blockedText(addresses: readonly string[]): string {
  return `${severalText(addresses)}: a node before ${addresses.length === 1 ? 'it' : 'them'} failed`;
}

/** The table of what came out, and what it shows in sentences; empty where nothing was evaluated. */
export function summaryText(summary: Extract<RunEvent, { event: 'summary' }>, colours: Colours): string {
  const table = renderSummary(summary.stages, colours);
  const sentences = summary.findings.slice(0, mostFindings).map((finding) => `- ${finding}`);
  const more = summary.findings.length - sentences.length;
  if (more > 0) sentences.push(`- and ${more} more of the kind: descent query summary`);
  const takeaways = renderTakeaways(summary.takeaways, colours);
  return [table, sentences.join('\n'), takeaways].filter((part) => part !== '').join('\n\n');
}

/** How a run ended, and what to do next. */
export function endText(ended: Extract<RunEvent, { event: 'ended' }>, colours: Colours): string {
  const heads = {
    done: `${colours.green('done')} in ${duration(ended.seconds)}`,
    failed: `${colours.red('failed')} after ${duration(ended.seconds)}`,
    interrupted: `${colours.yellow('interrupted')} after ${duration(ended.seconds)}`,
    left: `${colours.yellow('left')} after ${duration(ended.seconds)}`,
  };
  const reason = ended.reason === null ? '' : `: ${ended.reason}`;
  return [`${heads[ended.outcome]}${reason}`, ...ended.next.map((line) => `  ${line}`)].join('\n');
}

const PHASES: Record<Progress['phase'], string> = {
  queued: 'waiting for a free device',
  retrying: 'waits for its next try',
  waiting: 'waiting for another execution of it to end',
  starting: 'starting',
  fetching: 'fetching what it starts from',
  running: 'running',
  saving: 'saving a checkpoint',
  publishing: 'publishing',
  uploading: 'uploading what it made',
  paused: 'paused: descent unpause goes on',
};
