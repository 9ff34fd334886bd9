import { type Acceptable, acceptEntry } from '../../planner/accept.ts';
import type { Change } from '../../planner/compare.ts';
import type { PlanNode } from '../../planner/plan.ts';
import { changeText } from '../../planner/reason.ts';
import type { Verdict } from '../../planner/verdict.ts';
import { shortKey } from '../../words/figures.ts';
import { columns } from './columns.ts';
import type { Colours } from './terminal.ts';

/** What is known of one node's verdict. */
export interface WhyReport {
  lineage: string;
  address: string;
  key: string;
  verdict: Verdict['verdict'];
  reason: Verdict['reason'] & { text: string };
  /** What it starts from, nearest first. */
  ancestors: NeededNode[];
  /** What it, or something that it starts from, waits for besides: certificates, and what those read. */
  gates: NeededNode[];
  /** Where the file accepts an artifact for it: why, which key it would have, and what the two keys differ in. */
  accepted?: AcceptedReport;
  /** Where it was changed itself, and what it was before is in the store: what an entry of `accept` would keep. */
  acceptable?: Acceptable;
  /** What the key is the hash of. */
  preimage: PlanNode['preimage'];
}

/** A node that has to be done before another, with its own verdict. */
export interface NeededNode {
  role: string;
  address: string;
  key: string;
  verdict: Verdict['verdict'];
  text: string;
}

/** An artifact that stands for a node of another declaration. */
export interface AcceptedReport {
  reason: string;
  instead: string;
  /** From the artifact's pre-image to the one of the declaration. */
  changes: Omit<Change, 'address'>[];
}

/** A node's verdict, every change that led to it, what it starts from and waits for, and what its key is the hash of. */
export function renderWhy(report: WhyReport, colours: Colours): string {
  const { address, lineage, key, verdict, reason, accepted, acceptable, ancestors, gates, preimage } = report;
  const head = columns([
    [colours.dim('node'), `${colours.bold(address)} of ${lineage}`],
    [colours.dim('key'), key],
    [colours.dim('verdict'), `${verdict}: ${reason.text}`],
    ...(reason.kind === 'changed'
      ? [[colours.dim('was'), `${reason.before}${reason.movedFrom === undefined ? '' : `, as ${reason.movedFrom}`}`]]
      : []),
    ...(accepted ? acceptedRows(accepted, colours) : []),
  ]);
  const changes =
    reason.kind === 'changed' ? reason.changes.map((change) => `  ${change.address}: ${changeText(change)}`) : [];
  const needed = (title: string, nodes: readonly NeededNode[]) =>
    nodes.length === 0
      ? []
      : [
          '',
          title,
          columns(nodes.map((one) => [`  ${one.verdict}`, one.address, colours.dim(shortKey(one.key)), one.text])),
        ];
  return [
    head,
    ...(changes.length > 0 ? ['', 'what changed since it was run last', ...changes] : []),
    ...(acceptable
      ? [
          '',
          `where ${shortKey(acceptable.key)} stands for it all the same, it is kept with`,
          `accept:\n  - ${acceptEntry(acceptable)}`,
        ]
      : []),
    ...needed('it starts from', ancestors),
    ...needed('it waits for', gates),
    '',
    'its key is the SHA-256 of this, in canonical form',
    JSON.stringify(preimage, null, 2),
  ].join('\n');
}

/** Rows that say which key a node would have without the artifact that its file accepts, why it does, and what differs. */
export function acceptedRows({ reason, instead, changes }: AcceptedReport, colours: Colours): string[][] {
  return [
    [colours.dim('accepted'), reason],
    [colours.dim('instead of'), instead],
    ...changes.map(({ field, before, after }) => [
      colours.dim('differs in'),
      changeText({ address: '', field, before, after }),
    ]),
  ];
}
