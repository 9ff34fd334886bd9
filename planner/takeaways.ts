import type { EvaluateRecipe } from '../schemas/types/job.ts';
import { axisNamed, meaning } from './axes.ts';
import type { Change } from './compare.ts';
import { diffNodes } from './diff.ts';
import type { Plan, PlanNode } from './plan.ts';
import { declaredStages } from './stages.ts';
import { own, recordAt } from './tree.ts';

/** Two models that a takeaway compares: they are alike in everything that does not tell its arms apart. */
export interface ArmPair {
  of: PlanNode;
  over: PlanNode;
}

/** One thing that two arms differ in. */
export interface Difference {
  /** The axis that makes it, else the field, else `stage` and a name where one arm has a stage more. */
  factor: string;
  change: Change | null;
}

/** What is known of a metric's name: `id.pass@1`, `heldout.web.loss`. */
export interface MetricName {
  suite: string;
  /** The task or domain; null for the suite's mean. */
  task: string | null;
  figure: string;
}

/** Reads the name of a metric: a suite, a task where there are three parts, and a figure. */
export function metricName(text: string): MetricName {
  const [suite = '', second = '', third] = text.split('.');
  return third === undefined ? { suite, task: null, figure: second } : { suite, task: second, figure: third };
}

/** The figures of a model that an evaluation makes, where a reward model scores its responses also that one's. What it says of the problems alone (`majority`, `chance`) is none. */
export function figuresOf(recipe: EvaluateRecipe, isScored = false): string[] {
  if (recipe.kind === 'heldout') return ['loss', 'perplexity'];
  if (recipe.kind === 'cloze') return ['acc', 'acc_norm', 'acc_bytes'];
  if (recipe.samples === 0) return ['pass@1', 'truncated'];
  const metrics = ['pass', 'maj', ...(isScored ? ['rm'] : [])];
  const atK = Array.from({ length: recipe.samples - 1 }, (_, i) =>
    metrics.map((metric) => `${metric}@${i + 2}`),
  ).flat();
  return ['pass@1', 'pass@1(sampled)', ...atK, 'correctRatio', ...(isScored ? ['orm'] : []), 'truncated'];
}

/** The names of what an evaluation asks: its tasks or domains. */
export function tasksOf(recipe: EvaluateRecipe): string[] {
  return (recipe.kind === 'heldout' ? recipe.domains : recipe.tasks).map(({ name }) => name);
}

/**
 * Pairs the nodes of two arms: those with the same values of all axes, but for the axes in `apart`, on which the arms are
 * meant to differ. Nodes without a counterpart are left out; of several that would do the first is taken.
 */
export function pairArms(of: readonly PlanNode[], over: readonly PlanNode[], apart: ReadonlySet<string>): ArmPair[] {
  const settingOf = ({ axes }: PlanNode) =>
    Object.entries(axes)
      .filter(([name]) => !apart.has(name))
      .map(([name, value]) => `${name}=${meaning(value)}`)
      .sort()
      .join();
  const counterparts = new Map<string, PlanNode>();
  for (const node of over) if (!counterparts.has(settingOf(node))) counterparts.set(settingOf(node), node);
  return of.flatMap((node) => {
    const counterpart = counterparts.get(settingOf(node));
    return counterpart ? [{ of: node, over: counterpart }] : [];
  });
}

/** The axes on which no node of one arm has the value of a node of the other, or that only one arm varies over. */
export function axesApart(of: readonly PlanNode[], over: readonly PlanNode[]): Set<string> {
  const values = (nodes: readonly PlanNode[], axis: string) =>
    new Set(
      nodes.flatMap(({ axes }) => {
        const value = own(axes, axis);
        return value === undefined ? [] : [meaning(value)];
      }),
    );
  const names = new Set([...of, ...over].flatMap(({ axes }) => Object.keys(axes)));
  return new Set(
    [...names].filter((axis) => {
      const [one, other] = [values(of, axis), values(over, axis)];
      return ![...one].some((value) => other.has(value));
    }),
  );
}

/**
 * What two models differ in, over all of what they come from: each field that the file says otherwise of them, by the axis
 * that it takes its value from where it takes it from one, and each stage that only one of them went through.
 */
export function differencesBetween(plan: Plan, { of, over }: ArmPair): Difference[] {
  const stages = declaredStages(plan.declared);
  const axisOf = (node: PlanNode | null, field: string): string | undefined => {
    const body = node ? stages.get(node.stage)?.body : undefined;
    if (!node || !body) return undefined;
    const written = field.split('.').reduce<unknown>((value, name) => own(recordAt(value), name), body);
    if (field === 'seed' && written === undefined)
      return Object.entries(plan.axes).find(([name, { replicate }]) => replicate || name === 'seed')?.[0];
    return axisNamed(written);
  };
  return diffNodes({ plan, node: over }, { plan, node: of }).stages.flatMap(
    ({ before, after, changes }): Difference[] => {
      if (!before || !after) return [{ factor: `stage ${(before ?? after)?.stage}`, change: null }];
      return changes.map((change) => ({
        factor: axisOf(after, change.field) ?? axisOf(before, change.field) ?? change.field,
        change,
      }));
    },
  );
}
