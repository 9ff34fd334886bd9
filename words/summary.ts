import { type Mark, marksOf } from '../planner/marks.ts';
import type { Key, Plan, PlanNode } from '../planner/plan.ts';
import { isModel } from '../planner/stages.ts';
import { groupBy } from '../results/group-by.ts';

/** One evaluated model in the summary. */
export interface StageSummary {
  /** Address of the evaluated node. */
  address: string;
  /** Address of the nearest evaluated node before it in its chain, which changes are against; null without one. */
  parent: string | null;
  /** What has to be known before it is compared: `undecayed`, `overlap allowed`. */
  marks: readonly Mark[];
  measures: Measure[];
}

/** One figure of an evaluation, with its 95 % interval. */
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

/** One evaluation of a model with its change from the parent's. */
export interface Measure extends EvaluationFigure {
  /** Value minus the parent's; null where the parent has no such figure. */
  change: number | null;
  /** Whether the 95 % interval of the change leaves zero out. */
  clear: boolean;
}

/** One row of results' view `model_figures`. */
export interface EvaluatedFigure extends EvaluationFigure {
  /** Key of the evaluated model. */
  key: string;
}

/**
 * The figures that a person looks at first, for each evaluated model in the plan's order: held-out loss of each domain,
 * and for each suite of problems greedy Pass@1, the largest Pass@k, and RM@k where a reward model scored; each with its
 * change from the nearest evaluated model before it in its chain.
 */
export function summarize(plan: Plan, figures: readonly EvaluatedFigure[]): StageSummary[] {
  const byKey = groupBy(figures, (one) => one.key);
  // Backwards, so that of two stages that are the same node the first address stands for it.
  const nodes = new Map<Key, PlanNode>(plan.nodes.toReversed().map((node) => [node.key, node]));
  const marks = marksOf(plan.nodes);
  return trainingNodes(plan)
    .filter((node) => byKey.has(node.key))
    .map((node) => {
      const parent = evaluatedAncestor(node, nodes, byKey);
      const before = mainFigures(byKey.get(parent?.key ?? '') ?? []);
      return {
        address: node.address,
        parent: parent?.address ?? null,
        marks: marks.get(node.address) ?? [],
        measures: mainFigures(byKey.get(node.key) ?? []).map((now) =>
          compare(
            now,
            before.find((one) => sameMeasure(one, now)),
          ),
        ),
      };
    });
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
  return plan.nodes.filter((node) => isModel(node.type));
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

/** Held-out losses by domain, then for each suite Pass@1, its largest Pass@k and, where a reward model scored, RM@k. */
export function mainFigures<Evaluated extends EvaluationFigure>(figures: readonly Evaluated[]): Evaluated[] {
  const suites = [...groupBy(figures, (one) => one.suite).values()];
  return suites.flatMap((suite) => {
    const losses = suite.filter((one) => one.metric === 'loss' && one.task !== 'all');
    const overall = suite.some((one) => one.task === 'all') ? suite.filter((one) => one.task === 'all') : suite;
    const greedy = overall.filter((one) => one.metric === 'pass@1');
    return [...losses, ...greedy, ...largestOf(overall, 'pass@'), ...largestOf(overall, 'rm@')];
  });
}

/** The figures of `pass@k` or `rm@k` with the largest k above 1. */
function largestOf<Evaluated extends EvaluationFigure>(figures: readonly Evaluated[], metric: string): Evaluated[] {
  const kOf = (one: Evaluated) => (one.metric.startsWith(metric) ? Number(one.metric.slice(metric.length)) : 1);
  const sampled = figures.filter((one) => kOf(one) > 1);
  const largest = Math.max(...sampled.map(kOf));
  return sampled.filter((one) => kOf(one) === largest);
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
