import type { Key } from '../../planner/plan.ts';
import { counted, shortKey, whole } from '../../words/figures.ts';
import { columns } from './columns.ts';
import { onItsLines } from './one-line.ts';
import type { Progress } from './run-event.ts';
import { progressText } from './sentences.ts';
import type { Colours } from './terminal.ts';

/** How a lineage stands; `--json` prints it as it is. */
export interface LineageReport {
  lineage: string;
  title: string | null;
  file: string;
  /** Digest of its newest plan. */
  plan: string;
  /** When that was run last: ISO 8601, UTC. */
  lastRun: string;
  /** Whether its workflow runs now. */
  running: boolean;
  /** Whether it was paused. */
  paused: boolean;
  /** What a person should know of how this was found; null for nothing. */
  note: string | null;
  nodes: NodeLine[];
}

/** How a node stands. `interrupted`: it was begun, and nothing went wrong; `blocked`: what it needs failed. */
export interface NodeLine {
  address: string;
  key: Key;
  state: 'waiting' | 'running' | 'done' | 'failed' | 'blocked' | 'interrupted';
  reason: string | null;
  /** Of a running node that the server knows of. */
  progress: Progress | null;
}

/** A line for each lineage with its running and failed nodes; all nodes where `detailed`. */
export function renderStatus(reports: readonly LineageReport[], detailed: boolean, colours: Colours): string {
  if (reports.length === 0) return 'no lineage was run in this home yet';
  return reports
    .map((report) => {
      const told = detailed
        ? report.nodes
        : report.nodes.filter(({ state }) => state === 'running' || state === 'failed');
      return [
        head(report, colours),
        ...(told.length > 0 ? [columns(told.map((node) => row(node, colours)))] : []),
      ].join('\n');
    })
    .join('\n\n');
}

function head({ lineage, nodes, running, paused, note, lastRun }: LineageReport, colours: Colours): string {
  const counts = STATES.map((state) => [state, nodes.filter((node) => node.state === state).length] as const)
    .filter(([, count]) => count > 0)
    .map(([state, count]) => `${whole(count)} ${state}`);
  const when = paused
    ? `${colours.yellow('paused')}: descent unpause ${lineage}`
    : running
      ? colours.cyan('running')
      : colours.dim(`last run ${lastRun.slice(0, 16).replace('T', ' ')} UTC`);
  return `${colours.bold(lineage)}  ${counted(nodes.length, 'node')}: ${counts.join(', ')}  ${when}${note === null ? '' : ` (${note})`}`;
}

function row({ address, key, state, reason, progress }: NodeLine, colours: Colours): string[] {
  const told = progress ? progressText(progress) : onItsLines(reason ?? '');
  return [`  ${COLOURED[state](colours)(state)}`, address, colours.dim(shortKey(key)), told];
}

const STATES: readonly NodeLine['state'][] = ['done', 'running', 'interrupted', 'waiting', 'failed', 'blocked'];

const COLOURED: Record<NodeLine['state'], (colours: Colours) => (text: string) => string> = {
  done: (colours) => colours.green,
  running: (colours) => colours.cyan,
  interrupted: (colours) => colours.yellow,
  waiting: (colours) => colours.dim,
  failed: (colours) => colours.red,
  blocked: (colours) => colours.yellow,
};
