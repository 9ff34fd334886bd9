import type { Plan, PlanNode } from '../planner/plan.ts';
import { allFlops, priceOf, sumOfPrices } from '../planner/price.ts';
import { groupBy } from '../results/group-by.ts';
import { amount, duration, operations, whole } from '../words/figures.ts';
import { type Block, number, paragraph, type Section, tableOf, text } from './document.ts';
import { stageGraph } from './drawings/stage-graph.ts';
import type { Attempt } from './read.ts';
import { countStandings, groupsOf, once, standings } from './stages.ts';

/** What the lineage is made of, and how far it is: a drawing, and the plan against what became of it. */
export function workSection(plan: Plan, attempts: readonly Attempt[]): Section {
  const { groups, by } = groupsOf(plan);
  const standingOf = standings(attempts);
  const caption = `What needs what, a box for each ${by}: a whole line from what it goes on from, a broken one from what it only reads.`;
  const drawn: Block = { kind: 'drawing', drawing: { caption, svg: stageGraph(caption, groups, standingOf) } };
  const rowOf = (name: string, type: string, from: string, nodes: readonly PlanNode[]): string[] => {
    const { tokens, seconds } = spent(nodes, attempts);
    return [
      name,
      type,
      from,
      whole(nodes.length),
      countStandings(nodes, standingOf),
      ...planned(nodes),
      tokens,
      seconds,
    ];
  };
  const evaluations = once(plan.nodes.filter(({ type }) => type === 'evaluate'));
  const overlaps = once(plan.nodes.filter(({ type }) => type === 'overlap'));
  const rows = [
    ...groups.map(({ name, type, from, reads, nodes }) => rowOf(name, type, [...from, ...reads].join(', '), nodes)),
    ...(evaluations.length > 0 ? [rowOf('evaluations', 'evaluate', '', evaluations)] : []),
    ...(overlaps.length > 0 ? [rowOf('overlap certificates', 'overlap', '', overlaps)] : []),
    rowOf('all', '', '', once(plan.nodes)),
  ];
  return {
    title: 'Plan and what became of it',
    blocks: [
      drawn,
      tableOf(
        `By ${by}: planned tokens to learn from and FLOPs, and what finished attempts took; \u2264 is at most. Time is from an attempt's first start to its end.`,
        [
          text(by),
          text('type'),
          text('needs'),
          number('nodes'),
          text('standing'),
          number('tokens planned'),
          number('FLOPs planned'),
          number('tokens'),
          number('time'),
        ],
        rows,
      ),
    ],
  };
}

/** What was spent, by type of node and device; failed attempts count, as far as the results know. */
export function ledgerSection(plan: Plan, attempts: readonly Attempt[]): Section {
  const byKey = new Map(once(plan.nodes).map((node) => [node.key as string, node]));
  const rows = groupBy(
    attempts.filter(({ state }) => state !== 'imported'),
    ({ key, device }) => `${byKey.get(key)?.type}\n${device ?? ''}`,
  );
  if (rows.size === 0) return { title: 'Ledger', blocks: [paragraph('Nothing was run here.')] };
  const rowOf = (type: string, device: string, own: readonly Attempt[]): string[] => {
    const nodes = [...new Set(own.map(({ key }) => key))].flatMap((key) => byKey.get(key) ?? []);
    const { tokens, seconds } = sumsOf(own);
    const done = own.filter(({ state }) => state === 'done').length;
    return [type, device, whole(own.length), whole(done), ...planned(nodes), tokens, seconds];
  };
  return {
    title: 'Ledger',
    blocks: [
      tableOf(
        'What was spent, by type and device, all attempts counted. FLOPs are those planned of the nodes; \u2264 is at most. Time is of finished attempts; nodes that other lineages share count in each.',
        [
          text('type'),
          text('device'),
          number('attempts'),
          number('done'),
          number('tokens planned'),
          number('FLOPs planned'),
          number('tokens'),
          number('time'),
        ],
        [
          ...[...rows].map(([name, own]) => {
            const [type = '', device = ''] = name.split('\n');
            return rowOf(type, device, own);
          }),
          rowOf('all', '', [...rows.values()].flat()),
        ],
      ),
    ],
  };
}

/** Tokens to learn from and FLOPs of some nodes, with a sign where they are an upper bound; empty where there are none. */
function planned(nodes: readonly PlanNode[]): [tokens: string, flops: string] {
  const price = sumOfPrices(nodes.map((node) => priceOf(node)));
  const bound = price.exact ? '' : '≤ ';
  const flops = allFlops(price);
  return [
    price.tokens.trained === 0 ? '' : `${bound}${amount(price.tokens.trained)}`,
    flops === 0 ? '' : `${bound}${operations(flops)}`,
  ];
}

function spent(nodes: readonly PlanNode[], attempts: readonly Attempt[]): { tokens: string; seconds: string } {
  const keys = new Set<string>(nodes.map(({ key }) => key));
  return sumsOf(attempts.filter(({ key, state }) => keys.has(key) && state === 'done'));
}

/** Empty where nothing is known. */
function sumsOf(attempts: readonly Attempt[]): { tokens: string; seconds: string } {
  const tokens = attempts.reduce((sum, one) => sum + (one.tokens ?? 0), 0);
  const seconds = attempts.reduce((sum, one) => sum + (one.seconds ?? 0), 0);
  return { tokens: tokens === 0 ? '' : amount(tokens), seconds: seconds === 0 ? '' : duration(seconds) };
}
