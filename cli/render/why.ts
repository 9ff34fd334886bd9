import { acceptEntry } from '../../planner/accept.ts';
import { changeText } from '../../planner/reason.ts';
import type { AcceptedReport, NeededNode, WhyReport } from '../why.ts';
import { columns } from './columns.ts';
import { shortKey } from './figures.ts';
import type { Colours } from './terminal.ts';

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
