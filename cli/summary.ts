import type { Key, Plan, PlanNode } from '../planner/plan.ts';
import { nats, percent } from './render/figures.ts';
import type { Measure, StageSummary } from './render/run-event.ts';

/** One figure of an evaluation. */
export interface EvaluationFigure {
  suite: string;
  /** The task or domain; `all` for the suite's mean. */
  task: string;
  metric: string;
  value: number;
  low: number;
  high: number;
  n: number;
}

/** One row of results' view `model_figures`. */
export interface EvaluatedFigure extends EvaluationFigure {
  /** Key of the evaluated model. */
  key: string;
}

/** What training itself left of a pretrained model. */
export interface Pretraining {
  key: string;
  /** Mean training loss of the last tenth of the steps, in nats a token. */
  loss: number;
  /** Entropy of the data's token frequencies, in nats a token: what a model that ignores context reaches at best. */
  unigramEntropy: number;
}

/**
 * The figures that a person looks at first, for each evaluated model in the plan's order: held-out loss of each domain,
 * and for each suite of problems greedy Pass@1 and the largest Pass@k; each with its change from the
 * nearest evaluated model before it in its chain.
 */
export function summarize(plan: Plan, figures: readonly EvaluatedFigure[]): StageSummary[] {
  const byKey = groupBy(figures, (one) => one.key);
  // Backwards, so that of two stages that are the same node the first address stands for it.
  const nodes = new Map<Key, PlanNode>(plan.nodes.toReversed().map((node) => [node.key, node]));
  return trainingNodes(plan)
    .filter((node) => byKey.has(node.key))
    .map((node) => {
      const parent = evaluatedAncestor(node, nodes, byKey);
      const before = mainFigures(byKey.get(parent?.key ?? '') ?? []);
      return {
        address: node.address,
        parent: parent?.address ?? null,
        measures: mainFigures(byKey.get(node.key) ?? []).map((now) =>
          compare(
            now,
            before.find((one) => sameMeasure(one, now)),
          ),
        ),
      };
    });
}

/** What the figures show, in plain sentences: how far pretraining came, what each later stage did to its parent. */
export function findings(plan: Plan, stages: readonly StageSummary[], pretrainings: readonly Pretraining[]): string[] {
  const types = new Map(plan.nodes.map((node) => [node.address, node.type]));
  const typeOf = (stage: StageSummary) => types.get(stage.address);
  const byAddress = new Map(stages.map((stage) => [stage.address, stage]));
  return [
    ...pretrainings.flatMap((one) => {
      const node = plan.nodes.find(({ key }) => key === one.key);
      return node ? [pretrainingFinding(node.address, one)] : [];
    }),
    ...stages.filter((stage) => typeOf(stage) === 'cpt').flatMap(lossFindings),
    ...replayFindings(plan, byAddress),
    ...stages.filter((stage) => ['sft', 'rl'].includes(typeOf(stage) ?? '')).flatMap(passFindings),
  ];
}

/**
 * Whether two estimates differ by more than chance: the 95 % interval of their difference, made from the two intervals
 * (Newcombe's hybrid, which for proportions combines the Wilson intervals), does not hold zero.
 */
export function differsClearly(a: Estimate, b: Estimate): boolean {
  const difference = a.value - b.value;
  const low = difference - Math.hypot(a.value - a.low, b.high - b.value);
  const high = difference + Math.hypot(a.high - a.value, b.value - b.low);
  return low > 0 || high < 0;
}

interface Estimate {
  value: number;
  low: number;
  high: number;
}

function trainingNodes(plan: Plan): PlanNode[] {
  return plan.nodes.filter((node) => node.type !== 'data' && node.type !== 'tokenizer' && node.type !== 'evaluate');
}

/** The nearest node before it in its chain that was evaluated too. */
function evaluatedAncestor(
  node: PlanNode,
  nodes: ReadonlyMap<Key, PlanNode>,
  evaluated: ReadonlyMap<string, unknown>,
): PlanNode | undefined {
  const parent = node.parents.parent === undefined ? undefined : nodes.get(node.parents.parent);
  if (parent === undefined || evaluated.has(parent.key)) return parent;
  return evaluatedAncestor(parent, nodes, evaluated);
}

/** Held-out losses by domain, then for each suite Pass@1 and its largest Pass@k. */
export function mainFigures<Evaluated extends EvaluationFigure>(figures: readonly Evaluated[]): Evaluated[] {
  const suites = [...groupBy(figures, (one) => one.suite).values()];
  return suites.flatMap((suite) => {
    const losses = suite.filter((one) => one.metric === 'loss' && one.task !== 'all');
    const overall = suite.some((one) => one.task === 'all') ? suite.filter((one) => one.task === 'all') : suite;
    const greedy = overall.filter((one) => one.metric === 'pass@1');
    const sampled = overall.filter((one) => /^pass@\d+$/.test(one.metric) && one.metric !== 'pass@1');
    const largest = Math.max(0, ...sampled.map((one) => Number(one.metric.slice('pass@'.length))));
    return [...losses, ...greedy, ...sampled.filter((one) => one.metric === `pass@${largest}`)];
  });
}

function sameMeasure(a: EvaluatedFigure, b: EvaluatedFigure): boolean {
  return a.suite === b.suite && a.task === b.task && a.metric === b.metric;
}

function compare(now: EvaluatedFigure, before: EvaluatedFigure | undefined): Measure {
  const { suite, task, metric, value, low, high, n } = now;
  return {
    suite,
    task,
    metric,
    value,
    low,
    high,
    n,
    change: before ? value - before.value : null,
    clear: before ? differsClearly(now, before) : false,
  };
}

function pretrainingFinding(address: string, { loss, unigramEntropy }: Pretraining): string {
  const side = loss < unigramEntropy ? 'below' : 'above';
  const gap = nats(Math.abs(unigramEntropy - loss));
  return `${address}: training loss ended at ${nats(loss)} nats a token, ${gap} ${side} the ${nats(unigramEntropy)} of token frequencies alone.`;
}

/** What continued pretraining did to each domain. */
function lossFindings(stage: StageSummary): string[] {
  const parts = changesOf(stage, 'loss').map(({ task, before, after, change, clear }) => {
    const verdict = !clear ? 'no clear change' : change < 0 ? 'better' : 'worse';
    return `on ${task} ${nats(before)} to ${nats(after)} (${verdict})`;
  });
  return parts.length === 0 ? [] : [`${stage.address}, from ${stage.parent}: held-out loss ${parts.join(', ')}.`];
}

/** What SFT or RL did to Pass@1. */
function passFindings(stage: StageSummary): string[] {
  const parts = changesOf(stage, 'pass@1').map(({ suite, before, after, change, clear }) => {
    const verdict = clear
      ? `${change > 0 ? '+' : '-'}${percent(Math.abs(change)).replace(' %', ' points')}`
      : 'within chance';
    return `on ${suite} ${percent(before)} to ${percent(after)} (${verdict})`;
  });
  return parts.length === 0 ? [] : [`${stage.address}, from ${stage.parent}: Pass@1 ${parts.join(', ')}.`];
}

/** A stage's measures of one metric that its parent has too. */
function changesOf(
  stage: StageSummary,
  metric: string,
): (Measure & { before: number; after: number; change: number })[] {
  return stage.measures.flatMap((measure) => {
    const { change, value } = measure;
    return measure.metric !== metric || change === null
      ? []
      : [{ ...measure, before: value - change, after: value, change }];
  });
}

/** What replay kept: variants of one CPT stage with the same parent, with replay against without. */
function replayFindings(plan: Plan, stages: ReadonlyMap<string, StageSummary>): string[] {
  const variants = plan.nodes.filter((node) => node.type === 'cpt' && stages.has(node.address));
  const groups = groupBy(variants, (node) => `${node.stage} ${node.seed} ${node.parents.parent}`);
  return [...groups.values()].flatMap((group) => {
    const parent = plan.nodes.find((node) => node.key === group[0]?.parents.parent);
    if (parent?.type !== 'pretrain') return [];
    const replayed = new Set(parent.recipe.mix.map(({ name }) => name));
    const without = group.filter((node) => !replays(node, replayed));
    return without.flatMap((bare) =>
      group
        .filter((node) => replays(node, replayed))
        .flatMap((kept) => contrast(stages.get(kept.address), stages.get(bare.address), replayed)),
    );
  });
}

function replays(node: PlanNode, names: ReadonlySet<string>): boolean {
  return node.type === 'cpt' && node.recipe.mix.some((part) => names.has(part.name) && part.sequences > 0);
}

function contrast(
  kept: StageSummary | undefined,
  bare: StageSummary | undefined,
  domains: ReadonlySet<string>,
): string[] {
  if (!kept || !bare) return [];
  return kept.measures
    .filter((one) => one.metric === 'loss' && domains.has(one.task))
    .flatMap((one) => {
      const other = bare.measures.find((measure) => measure.metric === 'loss' && measure.task === one.task);
      if (!other) return [];
      const verdict = !differsClearly(one, other)
        ? 'made no clear difference'
        : one.value < other.value
          ? 'kept more'
          : 'kept less';
      return [
        `Replay ${verdict} of ${one.task}: held-out loss ${nats(one.value)} with it (${kept.address}), ${nats(other.value)} without (${bare.address}).`,
      ];
    });
}

function groupBy<T>(items: readonly T[], groupOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groupOf(item);
    const members = groups.get(group);
    if (members) members.push(item);
    else groups.set(group, [item]);
  }
  return groups;
}
