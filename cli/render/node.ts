import type { Mark } from '../../planner/marks.ts';
import type { NodeType, PlanNode } from '../../planner/plan.ts';
import { publicationIn } from '../../results/publications.ts';
import type { Certificate } from '../../schemas/certificate.ts';
import type { Manifest } from '../../schemas/types/manifest.ts';
import { bytes, counted, figure, shortKey, whole } from '../../words/figures.ts';
import { columns } from './columns.ts';
import { onItsLines, onOneLine } from './one-line.ts';
import type { Colours } from './terminal.ts';
import { type AcceptedReport, acceptedRows } from './why.ts';

/** What `descent show` tells of a node; `--json` prints it as it is. */
export interface NodeReport {
  lineage: string;
  address: string;
  key: string;
  type: NodeType;
  stage: string;
  axes: PlanNode['axes'];
  seed: number;
  /** What has to be known before it is compared. */
  marks: readonly Mark[];
  settings: PlanNode['settings'];
  recipe: PlanNode['recipe'];
  parents: { role: string; key: string; address: string | null }[];
  /** Addresses of the nodes that need this one, in the same plan. */
  children: string[];
  /** Where the lineage file accepts an artifact for it. */
  accepted?: AcceptedReport;
  /** Newest first. */
  attempts: AttemptReport[];
  evaluations: {
    suite: string;
    task: string;
    metric: string;
    value: number;
    low: number | null;
    high: number | null;
    n: number | null;
  }[];
  /** What an overlap certificate found; null of all other nodes, and before it was made. */
  overlap: Certificate | null;
}

/** One attempt, as the store has it. */
export type AttemptReport = { attempt: number; folder: string } & (
  | {
      state: 'done';
      files: Manifest['files'];
      facts: Manifest['facts'];
      provenance: Manifest['provenance'];
      /** The most of the machine's memory that its trainer had at once; null where it did not say. */
      peakMemoryBytes: number | null;
      /** What was planned of it at most; null where nothing was. */
      plannedMemoryBytes: number | null;
    }
  | { state: 'running' | 'interrupted'; checkpoint: number | null }
  | { state: 'failed'; checkpoint: number | null; failure: string }
  | { state: 'damaged'; reason: string }
);

/** A node as a person reads it, in sections; those with nothing in them are left out. */
export function renderNode(report: NodeReport, colours: Colours): string {
  const section = (title: string, rows: string[][]): string[] =>
    rows.length === 0 ? [] : [`${colours.bold(title)}\n${columns(rows.map((row) => ['', ...row]))}`];
  const axes = Object.entries(report.axes).map(([name, value]) => `${name}=${value}`);
  return [
    columns([
      [
        colours.bold(report.address),
        `${report.type} node of the lineage ${report.lineage}${axes.length > 0 ? `, at ${axes.join(', ')}` : ''}`,
      ],
      [colours.dim('key'), report.key],
      ...(report.marks.length > 0 ? [[colours.dim('marks'), colours.yellow(report.marks.join(', '))]] : []),
      ...(report.accepted ? acceptedRows(report.accepted, colours) : []),
    ]),
    ...section(
      'Recipe',
      Object.entries({ seed: report.seed, ...report.settings }).map(([name, value]) => [name, shown(value)]),
    ),
    ...section(
      'Needs',
      report.parents.map(({ role, key, address }) => [role, address ?? '', colours.dim(shortKey(key))]),
    ),
    ...section(
      'Needed by',
      report.children.map((address) => [address]),
    ),
    ...(report.attempts.length === 0
      ? [
          publicationIn(report.lineage) === undefined
            ? 'No attempt yet.'
            : 'Published elsewhere; nothing of it was run here.',
        ]
      : report.attempts.flatMap((attempt) => section(...attemptSection(attempt, colours)))),
    ...section(
      'Evaluations',
      report.evaluations.map(({ suite, task, metric, value, low, high, n }) => [
        suite,
        task,
        metric,
        figure(value),
        low === null || high === null ? '' : `[${figure(low)}, ${figure(high)}]`,
        n === null ? '' : colours.dim(`n ${whole(n)}`),
      ]),
    ),
    ...(report.overlap === null ? [] : overlapSections(report.overlap, section)),
  ].join('\n\n');
}

/** Matches that are shown of each set and kind; `overlap.json` has more. */
const matchesShown = 3;

function overlapSections(
  { trained, against, gramWords }: Certificate,
  section: (title: string, rows: string[][]) => string[],
): string[] {
  const counts = against.map(({ set, problems, withoutGrams, exact, grams, common, mostExact, mostGrams }) => [
    set,
    counted(problems, 'problem'),
    `${whole(exact)} word for word (at most ${percent(mostExact)})`,
    `${whole(grams)} with ${gramWords} words in common (at most ${percent(mostGrams)})`,
    ...(common > 0 ? [`${whole(common)} with common wording only`] : []),
    ...(withoutGrams > 0 ? [`${whole(withoutGrams)} too short for ${gramWords} words, compared as a whole`] : []),
  ]);
  const matches = against.flatMap(({ set, matches: { exact, grams } }) =>
    [...exact.slice(0, matchesShown), ...grams.slice(0, matchesShown)].map((match) => [
      `${set} row ${match.against.row}`,
      oneLine(match.against.prompt),
      `${trained.set} row ${match.trained.row}`,
      oneLine(match.trained.prompt),
    ]),
  );
  return [
    ...section(`Found in ${whole(trained.problems)} problems of ${trained.set}`, counts),
    ...section('The first of them', matches),
  ];
}

function percent(share: number): string {
  return `${figure(share * 100)} %`;
}

function oneLine(prompt: string): string {
  const line = onOneLine(prompt.replace(/\s+/g, ' ').trim());
  return line.length <= 60 ? line : `${line.slice(0, 59)}…`;
}

function attemptSection(attempt: AttemptReport, colours: Colours): [title: string, rows: string[][]] {
  const title = `Attempt ${attempt.attempt}: ${attempt.state}`;
  const folder = ['folder', attempt.folder];
  switch (attempt.state) {
    case 'done': {
      const { engine, device, hardware, startedAt, finishedAt, executions, adopted } = attempt.provenance;
      return [
        title,
        [
          folder,
          ...(adopted
            ? [
                ['adopted from', onOneLine(adopted.from)],
                ...(adopted.reason === undefined ? [] : [['reason', onOneLine(adopted.reason)]]),
                ...(adopted.licence === undefined ? [] : [['licence', onOneLine(adopted.licence)]]),
              ]
            : [['made by', `${engine} on ${device}, ${counted(executions, 'execution')}`]]),
          ...(hardware === undefined ? [] : [['hardware', hardware]]),
          ['time', `${startedAt} to ${finishedAt}`],
          ...memoryRows(attempt.peakMemoryBytes, attempt.plannedMemoryBytes),
          ...Object.entries(attempt.facts).map(([name, value]) => [name, shown(value)]),
          ...attempt.files.map((file) => [
            onOneLine(file.path),
            `${bytes(file.bytes)}  ${colours.dim(`sha256 ${shortKey(file.sha256)}`)}`,
          ]),
        ],
      ];
    }
    case 'running':
    case 'interrupted':
      return [title, [folder, checkpointRow(attempt.checkpoint)]];
    case 'failed':
      return [title, [folder, checkpointRow(attempt.checkpoint), [colours.red('failed'), onItsLines(attempt.failure)]]];
    case 'damaged':
      return [title, [folder, [colours.red('damaged'), onItsLines(attempt.reason)]]];
    default:
      return attempt satisfies never;
  }
}

function memoryRows(taken: number | null, planned: number | null): string[][] {
  if (taken === null) return [];
  return [['memory', `${bytes(taken)} taken${planned === null ? '' : `, ${bytes(planned)} planned at most`}`]];
}

function checkpointRow(step: number | null): string[] {
  return ['checkpoint', step === null ? 'none yet' : `step ${whole(step)}`];
}

function shown(value: string | number | boolean | null): string {
  if (value === null) return '-';
  return typeof value === 'number' ? figure(value) : onOneLine(String(value));
}
