import type { ChainDiff, PlanDiff, StagePair } from '../../planner/diff.ts';
import type { PlanNode } from '../../planner/plan.ts';
import { allFlops, priceOf } from '../../planner/price.ts';
import { changeText } from '../../planner/reason.ts';
import { amount, counted, operations, shortKey, whole } from '../../words/figures.ts';
import { columns } from './columns.ts';
import type { Colours } from './terminal.ts';

/** Two chains side by side: a row for each stage, what differs below it, and from where on they are two. */
export function renderChainDiff({ stages, parting }: ChainDiff, colours: Colours): string {
  const rows = stages.flatMap((pair, place) => stageRows(pair, parting === place, colours));
  const header = ['', 'before', 'after', 'tokens', '', 'FLOPs', ''].map(colours.dim);
  const told =
    parting === null
      ? 'They are the same node.'
      : parting === 0
        ? 'They have nothing in common.'
        : `They part at ${stages[parting]?.type}; ${counted(parting, 'stage')} before it ${parting === 1 ? 'is' : 'are'} the same.`;
  return `${columns([header, ...rows], ['left', 'left', 'left', 'right', 'right', 'right', 'right'])}\n\n${told}`;
}

function stageRows({ type, before, after, changes }: StagePair, parts: boolean, colours: Colours): string[][] {
  const same = before?.key === after?.key;
  const costs = [before, after].map((node) => (node ? costOf(node) : ['', '']));
  const row = [
    parts ? colours.yellow(type) : type,
    before?.address ?? colours.dim('none'),
    same ? colours.dim('the same') : (after?.address ?? colours.dim('none')),
    ...[0, 1].flatMap((index) => (same ? [costs[0]?.[index] ?? '', ''] : costs.map((cost) => cost[index] ?? ''))),
  ];
  return [row, ...changes.map((change) => ['', `  ${changeText(change, after ?? undefined)}`])];
}

/** Tokens and operations of a stage, of one under wsd with its trunk; `≤` where its texts may be shorter. */
function costOf(node: PlanNode): [string, string] {
  const price = priceOf({ ...node, startsAt: 0 });
  const { tokens, exact } = price;
  const seen = tokens.trained + tokens.scored;
  const all = allFlops(price);
  const bound = exact ? '' : '≤ ';
  return [seen === 0 ? '' : bound + amount(seen), all === 0 ? '' : bound + operations(all)];
}

/** What differs between two plans: nodes whose own recipe changed with what changed, and how many only follow. */
export function renderPlanDiff(diff: PlanDiff, colours: Colours): string {
  const { same, renamed, changed, following, onlyBefore, onlyAfter } = diff;
  const rows = [
    ...renamed.map(({ before, after }) => [
      colours.dim('renamed'),
      after.address,
      colours.dim(shortKey(after.key)),
      `was ${before.address}`,
    ]),
    ...changed.map(({ before, after, changes }) => [
      colours.yellow('changed'),
      before.address === after.address ? after.address : `${after.address} (was ${before.address})`,
      colours.dim(`${shortKey(before.key)} → ${shortKey(after.key)}`),
      changes.map((change) => changeText(change, after)).join(', '),
    ]),
    ...onlyBefore.map((node) => [colours.red('removed'), node.address, colours.dim(shortKey(node.key))]),
    ...onlyAfter.map((node) => [colours.green('added'), node.address, colours.dim(shortKey(node.key))]),
  ];
  const counts = [
    `${whole(same)} the same${renamed.length > 0 ? ` (${whole(renamed.length)} under another name)` : ''}`,
    `${whole(changed.length)} changed`,
    `${whole(following)} other only because of what they start from`,
    `${whole(onlyBefore.length)} removed`,
    `${whole(onlyAfter.length)} added`,
  ];
  return [...(rows.length === 0 ? [] : [columns(rows)]), counts.join(', ')].join('\n');
}
