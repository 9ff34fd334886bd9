import { mean, sampleStandardDeviation } from 'simple-statistics';
import type { Plan } from '../planner/plan.ts';
import { groupBy } from '../results/group-by.ts';
import { figure, percent, whole } from '../words/figures.ts';
import { bareMeasured, isShare, measured } from '../words/measured.ts';
import { type Block, heading, number, paragraph, type Section, tableOf, text } from './document.ts';
import { type IntervalRow, intervalPlot } from './drawings/plots.ts';
import type { Collapse, Figure, ReportRows } from './read.ts';

/** The models with their figures: for each suite and task a table, and a plot of what is asked of it first. */
export function modelsSection(plan: Plan, { figures, collapses }: ReportRows): Section {
  if (figures.length === 0) {
    const evaluates = plan.nodes.some(({ type }) => type === 'evaluate');
    const none = evaluates ? 'No model is evaluated yet.' : 'The lineage file says nothing of evaluations.';
    return { title: 'Models', blocks: [paragraph(none)] };
  }
  const shown = mainFigures(figures);
  const marksOf = marksReader(plan, figures, collapses);
  const tasks = groupBy(shown, ({ suite, task }) => `${suite}\n${task}`);
  const blocks = [...tasks.values()].flatMap((own) => taskBlocks(own, marksOf));
  return { title: 'Models', blocks: [...seedsBlocks(plan, shown), ...blocks] };
}

/** Suite and task of a figure, in words: `id, mean of all tasks`, `heldout, web`. */
function taskName({ suite, task }: Figure): string {
  return `${suite}, ${task === 'all' ? 'mean of all tasks' : task}`;
}

function taskBlocks(own: readonly Figure[], marksOf: (figure: Figure) => string): Block[] {
  const metrics = metricsOf(own);
  const main = metrics[0] as string;
  const models = groupBy(own, ({ address }) => address);
  const name = taskName(own[0] as Figure);
  const rows = [...models].map(([address, figures]) => {
    const found = (metric: string) => figures.find((one) => one.metric === metric);
    const first = found(main) ?? (figures[0] as Figure);
    const cells = metrics.map((metric) => cellOf(found(metric), first.n));
    return [address, marksOf(first), ...cells, first.n === null ? '' : whole(first.n), ...guesses(figures)];
  });
  const hasIntervals = own.some(({ low }) => low !== null);
  const columns = [
    text('model'),
    text('marks'),
    ...metrics.map(number),
    number('n'),
    number('chance'),
    number('majority'),
  ];
  return [
    heading(name),
    tableOf(`${name}${hasIntervals ? ', in brackets 95 % intervals' : ''}.`, columns, rows),
    ...taskPlots(
      name,
      main,
      own.filter(({ metric }) => metric === main),
    ),
  ];
}

/** As many drawings as it takes for each to be on one page, all with the same scale. */
function taskPlots(name: string, main: string, points: readonly Figure[]): Block[] {
  const all = points.map(drawn);
  const parts = Math.ceil(points.length / mostRows);
  const each = Math.ceil(points.length / parts);
  return Array.from({ length: parts }, (_, part) => {
    const [from, to] = [part * each, (part + 1) * each];
    const caption = `${name}: ${main} of each model${parts > 1 ? `, part ${part + 1} of ${parts}` : ''}.`;
    const label = `${caption} ${extremes(points.slice(from, to))}`;
    const svg = intervalPlot(label, isShare(main) ? `${main}, %` : main, all.slice(from, to), all);
    return { kind: 'drawing', drawing: { caption, svg } };
  });
}

const mostRows = 60;

/** A row of a drawing: shares in percent, as in the table beside it. */
function drawn({ address, type, metric, value, low, high, chance, majority }: Figure): IntervalRow {
  const scaled = <T extends number | null>(one: T) => (one === null ? one : one * (isShare(metric) ? 100 : 1)) as T;
  return {
    name: address,
    group: type,
    value: scaled(value),
    low: scaled(low),
    high: scaled(high),
    chance: scaled(chance),
    majority: scaled(majority),
  };
}

/** The lowest and the highest of some figures, for who cannot see them: `From 0.0 % (base) to 95.5 % (rl).` */
function extremes(points: readonly Figure[]): string {
  const sorted = [...points].sort((a, b) => a.value - b.value);
  const [least, most] = [sorted[0], sorted.at(-1)] as [Figure, Figure];
  const told = ({ metric, value, address }: Figure) => `${measured(metric, value)} (${address})`;
  return `From ${told(least)} to ${told(most)}.`;
}

/** A figure with its interval, and its count where it is not that of the row. */
function cellOf(found: Figure | undefined, n: number | null): string {
  if (found === undefined) return '';
  const { metric, value, low, high } = found;
  const interval =
    low === null || high === null ? '' : ` [${bareMeasured(metric, low)}, ${bareMeasured(metric, high)}]`;
  return `${measured(metric, value)}${interval}${found.n !== n && found.n !== null ? ` (n ${whole(found.n)})` : ''}`;
}

/** Chance and majority, of the one answer that shares are of. */
function guesses(figures: readonly Figure[]): [string, string] {
  const of = figures.find(({ metric }) => isShare(metric));
  const guess = (value: number | null | undefined) => (value === null || value === undefined ? '' : percent(value));
  return [guess(of?.chance), guess(of?.majority)];
}

/** Mean and standard deviation over the seeds of a setting, where any has several: of each suite, and of each text the loss. */
function seedsBlocks(plan: Plan, figures: readonly Figure[]): Block[] {
  const settings = settingReader(plan);
  const hasMean = new Set(figures.filter(({ task }) => task === 'all').map(({ suite }) => suite));
  const overall = figures.filter(
    ({ suite, task, metric }) =>
      metric !== 'truncated' && metric !== 'perplexity' && (task === 'all' || metric === 'loss' || !hasMean.has(suite)),
  );
  const groups = groupBy(overall, (one) => [settings(one), one.suite, one.task, one.metric].join('\n'));
  const rows = [...groups.values()].map((own) => {
    const first = own[0] as Figure;
    const values = own.map(({ value }) => value);
    const spread = values.length < 2 ? '' : spreadOf(first.metric, sampleStandardDeviation(values));
    return [
      settings(first),
      taskName(first),
      first.metric,
      measured(first.metric, mean(values)),
      spread,
      whole(values.length),
    ];
  });
  if (!rows.some((row) => row[5] !== '1')) return [];
  const columns = [text('models'), text('of'), text('figure'), number('mean'), number('deviation'), number('seeds')];
  return [heading('Over seeds'), tableOf('Mean and standard deviation of each setting over its seeds.', columns, rows)];
}

/**
 * What has to be known of an evaluated model before it is compared with others: `undecayed, collapsed (entropy), one seed`;
 * empty where there is nothing.
 */
export function marksReader(
  plan: Plan,
  figures: readonly Figure[],
  collapses: readonly Collapse[],
): (figure: Figure) => string {
  const settings = settingReader(plan);
  const seeds = new Map(
    [...groupBy(figures, settings)].map(([name, own]) => [name, new Set(own.map(({ key }) => key))]),
  );
  const collapsed = groupBy(collapses, ({ address }) => address);
  return (one) => {
    const [own] = collapsed.get(one.address) ?? [];
    const collapse =
      own && (own.ancestor === one.address ? `collapsed (${own.kind})` : `collapsed ancestor (${own.kind})`);
    const isAlone = seeds.get(settings(one))?.size === 1;
    return [...(one.marks ? [one.marks] : []), ...(collapse ? [collapse] : []), ...(isAlone ? ['one seed'] : [])].join(
      ', ',
    );
  };
}

/** The setting of a model without what it is repeated over: `mid@replay=20%`. */
function settingReader(plan: Plan): (figure: Figure) => string {
  const repeated = (axis: string) => axis === 'seed' || plan.axes[axis]?.replicate === true;
  const names = new Map(
    plan.nodes.map(({ address, stage, axes }) => {
      const kept = Object.entries(axes).filter(([axis]) => !repeated(axis));
      return [address, kept.length === 0 ? stage : `${stage}@${kept.map((pair) => pair.join('=')).join(',')}`];
    }),
  );
  return ({ address }) => names.get(address) ?? address;
}

/** Figures that are compared: of those at k the largest k of a suite, and none twice. */
function mainFigures(figures: readonly Figure[]): Figure[] {
  const most = new Map<string, number>();
  for (const { suite, metric } of figures) most.set(suite, Math.max(most.get(suite) ?? 1, kOf(metric) ?? 1));
  return figures.filter(({ suite, metric }) => {
    const k = kOf(metric);
    return k === null ? order.includes(metric) : metric === 'pass@1' || k === most.get(suite);
  });
}

function kOf(metric: string): number | null {
  const found = /^(?:pass|maj|rm)@(\d+)$/.exec(metric)?.[1];
  return found === undefined ? null : Number(found);
}

/** What is told of a task, first what is asked of it first. */
const order = [
  'loss',
  'perplexity',
  'acc_norm',
  'acc',
  'acc_bytes',
  'pass@1',
  'maj',
  'rm',
  'pass',
  'correctRatio',
  'orm',
  'truncated',
];

function metricsOf(figures: readonly Figure[]): string[] {
  const rank = (metric: string) => order.indexOf(metric === 'pass@1' ? metric : metric.replace(/@\d+$/, ''));
  return [...new Set(figures.map(({ metric }) => metric))].sort((a, b) => rank(a) - rank(b));
}

/** A deviation, which may be far smaller than what it is of. */
function spreadOf(metric: string, value: number): string {
  return isShare(metric) ? bareMeasured(metric, value) : figure(value);
}
