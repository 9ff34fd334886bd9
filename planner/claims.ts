import type { Contrast, Takeaway } from '../schemas/types/lineage.ts';
import { axesWith, contrastPairs, metricsOf, seedAxesOf, settingOf, trendModels } from './arms.ts';
import { marksOf } from './marks.ts';
import type { Key, Plan, PlanNode } from './plan.ts';
import { parseFraction } from './quantities.ts';
import { isModel } from './stages.ts';
import { metricName } from './takeaways.ts';

/** What a claim says of a figure. */
export type Claimed =
  | { kind: 'contrast'; direction: 'higher' | 'lower' }
  | { kind: 'trend'; direction: 'up' | 'down' }
  | { kind: 'trend'; direction: 'flat'; within: number }
  | { kind: 'trend'; direction: 'saturates'; share: number };

/** A model that a claim is about. */
export interface ClaimedModel {
  key: Key;
  address: string;
  /** What the claim varies: the axis' value in a trend; of a contrast 1 for `of`, 0 for `over`. */
  x: number;
  /** Its stage and the axes beside that and the seed's: what is compared is alike in it. */
  setting: string;
  /** Values of the seed's axes; empty where there are none. */
  seed: string;
  /** The evaluation that says each metric; null where there is none. */
  evaluations: Record<string, Key | null>;
}

/** How a claim is tested, with the defaults of a lineage file. */
export interface Testing {
  test: 't' | 'bootstrap' | 'permutation';
  alpha: number;
  /** Seeds that each arm needs. */
  seeds: number;
  correction: 'holm' | 'benjamini-hochberg' | 'none';
}

/** A takeaway of a lineage file with the models that decide it. */
export interface Claim {
  /** From 1, in the order of the file. */
  number: number;
  /** In a sentence, on one line. */
  claim: string;
  /** Of each, what is claimed of it. */
  metrics: { metric: string; claimed: Claimed }[];
  testing: Testing;
  models: ClaimedModel[];
  /** What whoever tells the verdict has to know: marks of models, seeds that have a model in common. */
  warnings: string[];
}

/** What is tested where a lineage file does not say how. */
export const defaultTesting: Testing = { test: 't', alpha: 0.05, seeds: 3, correction: 'holm' };

/** The takeaways of a plan's file. */
export function claimsOf(plan: Plan): Claim[] {
  const seedAxes = seedAxesOf(plan);
  return (plan.declared.takeaways ?? []).map((takeaway, index) => {
    const metrics = metricsOf(takeaway);
    const compared = comparedBy(plan, takeaway, seedAxes);
    const models = compared.map(({ node, x, setting }) => ({
      key: node.key,
      address: node.address,
      x,
      setting,
      seed: seedAxes.flatMap((name) => (name in node.axes ? [`${name}=${node.axes[name]}`] : [])).join(),
      evaluations: Object.fromEntries(metrics.map((metric) => [metric, evaluationOf(plan, node, metric)])),
    }));
    const nodes = compared.map(({ node }) => node);
    return {
      number: index + 1,
      claim: onOneLine(takeaway.claim),
      metrics: metrics.map((metric) => ({ metric, claimed: claimedOf(takeaway, metric) })),
      testing: {
        test: takeaway.test ?? defaultTesting.test,
        alpha: takeaway.alpha ?? defaultTesting.alpha,
        seeds: takeaway.seeds ?? defaultTesting.seeds,
        correction: takeaway.correction ?? defaultTesting.correction,
      },
      models,
      warnings: [...markWarnings(plan, nodes), ...sharedWarnings(plan, nodes, models)],
    };
  });
}

/** A claim as it is told, in a table or on a terminal: without line breaks and what else steers one. */
function onOneLine(claim: string): string {
  return claim.replace(/\p{Cc}+/gu, ' ').trim();
}

/** The models of a takeaway, with what it varies; their settings are without that and without the seed. */
function comparedBy(
  plan: Plan,
  { contrast, trend }: Takeaway,
  seedAxes: readonly string[],
): { node: PlanNode; x: number; setting: string }[] {
  if (trend) {
    const apart = new Set([...seedAxes, ...axesWith(plan, trend.axis)]);
    return trendModels(plan, trend).map(({ node, x }) => ({ node, x, setting: settingOf(node, apart) }));
  }
  return contrastPairs(plan, contrast as Contrast).flatMap(({ of, over }) => {
    const differing = Object.keys(of.axes).filter((name) => String(of.axes[name]) !== String(over.axes[name]));
    const setting = settingOf(of, new Set([...seedAxes, ...differing]));
    return [
      { node: of, x: 1, setting },
      { node: over, x: 0, setting },
    ];
  });
}

function claimedOf({ trend, direction }: Takeaway, metric: string): Claimed {
  if (!trend) return { kind: 'contrast', direction: direction ?? (lowerIsBetter(metric) ? 'lower' : 'higher') };
  switch (trend.direction) {
    case 'flat':
      return { kind: 'trend', direction: 'flat', within: trend.within as number };
    case 'saturates': {
      const share = parseFraction(trend.share ?? defaultShare);
      return { kind: 'trend', direction: 'saturates', share: share.ok ? share.value : Number.NaN };
    }
    default:
      return { kind: 'trend', direction: trend.direction };
  }
}

/** What of a rise may be left where it is called over. */
const defaultShare = '5%';

function lowerIsBetter(metric: string): boolean {
  return ['loss', 'perplexity', 'truncated'].includes(metricName(metric).figure);
}

/** The evaluation of a model that says a metric. */
function evaluationOf({ nodes }: Plan, model: PlanNode, metric: string): Key | null {
  const { suite } = metricName(metric);
  const found = nodes.find(
    (node) => node.type === 'evaluate' && node.recipe.suite === suite && node.parents.parent === model.key,
  );
  return found?.key ?? null;
}

/** The marks that models have, each told once with the first that has it. */
function markWarnings({ nodes }: Plan, models: readonly PlanNode[]): string[] {
  const marks = marksOf(nodes);
  const first = new Map<string, string>();
  for (const { address } of models)
    for (const mark of marks.get(address) ?? []) if (!first.has(mark)) first.set(mark, address);
  return [...first].map(([mark, address]) => `${mark}: ${address}`);
}

/**
 * That models of different seeds come from one: how that one's training fell out is the same chance in all of them, so that
 * what is found holds of what comes of it.
 */
function sharedWarnings({ nodes }: Plan, models: readonly PlanNode[], claimed: readonly ClaimedModel[]): string[] {
  const byKey = new Map(nodes.filter(({ type }) => isModel(type)).map((node) => [node.key, node]));
  const seeds = new Map<PlanNode, Set<string>>();
  for (const [index, model] of models.entries()) {
    let parent = byKey.get(model.parents.parent as Key);
    for (; parent; parent = byKey.get(parent.parents.parent as Key)) {
      const found = seeds.get(parent) ?? new Set<string>();
      seeds.set(parent, found.add(claimed[index]?.seed ?? ''));
    }
  }
  const shared = [...new Set([...seeds].filter(([, found]) => found.size > 1).map(([{ stage }]) => stage))];
  return shared.map(
    (stage) => `seeds share a model of \`${stage}\`: how its training falls out is not in the interval`,
  );
}
